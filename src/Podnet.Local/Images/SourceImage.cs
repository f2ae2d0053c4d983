namespace Podnet.Local.Images;

/// <summary>An image as it was handed over: which of its files are what.</summary>
/// <param name="Names">Under which it is to be kept.</param>
/// <param name="Digest">Of its manifest or index; null where it has none.</param>
/// <param name="Config">The configuration document.</param>
/// <param name="Layers">The lowest first.</param>
internal sealed record SourceImage(IReadOnlyList<ImageReference> Names, string? Digest, byte[] Config, IReadOnlyList<SourceLayer> Layers);

/// <param name="File">Its name in the <see cref="ImageContent"/>.</param>
/// <param name="Digest">Of the file, perhaps compressed; null where nobody says.</param>
/// <param name="Size">In bytes, of the file; null where nobody says.</param>
internal sealed record SourceLayer(string File, string? Digest, long? Size);
