using System.Runtime.InteropServices;
using Podnet.Linux;

namespace Podnet.Local.Images;

/// <summary>An image's configuration document (OCI image specification, config.md), checked.</summary>
/// <param name="DiffIds">The digests of its layers, uncompressed, the lowest first.</param>
internal sealed record ImageConfig(string Id, ImageRun Run, IReadOnlyList<string> DiffIds)
{
    private const string Os = "linux";

    private static readonly string MachineArchitecture = RuntimeInformation.OSArchitecture == Architecture.X64 ? "amd64" : "arm64";

    public static string ThisMachine => $"{Os}/{MachineArchitecture}";

    public static bool IsThisMachine(string? os, string? architecture) => os == Os && architecture == MachineArchitecture;

    /// <exception cref="ImageException">It is not for this machine, or does not fit the image's layers.</exception>
    public static ImageConfig Read(SourceImage image, string source)
    {
        var id = ContentDigest.Of(image.Config);
        var what = $"{source}: configuration {id}";
        var document = ImageDocumentsJson.Read(image.Config, ImageDocumentsJson.Default.ImageConfigDocument, what);
        if (!IsThisMachine(document.Os, document.Architecture))
            throw new ImageException($"{source} is for {document.Os}/{document.Architecture}, and this machine is {ThisMachine}");
        string?[] diffs = [.. document.Rootfs?.DiffIds ?? []];
        if (diffs.Length != image.Layers.Count || !Array.TrueForAll(diffs, ContentDigest.IsValid))
            throw new ImageException($"{what} has digests of {diffs.Length} layers, and the image has {image.Layers.Count} layers");
        if (diffs.Length is 0 or > ImageLimits.Layers)
            throw new ImageException($"{source} has {diffs.Length} layers: 1 to {ImageLimits.Layers} can be put on each other");
        return new ImageConfig(id, RunOf(document.Config, what), diffs!);
    }

    private static ImageRun RunOf(ImageConfigRun? config, string what)
    {
        if (config?.Env?.FirstOrDefault(variable => variable is null || variable.IndexOf('=') < 1) is { } broken)
            throw new ImageException($"{what}: Env has \"{broken}\", which is no NAME=value");
        return new ImageRun
        {
            Entrypoint = config?.Entrypoint ?? [],
            Command = config?.Cmd ?? [],
            Environment = config?.Env ?? [],
            WorkingDirectory = "/" + config?.WorkingDir?.TrimStart('/'),
            User = config?.User ?? "",
            StopSignal = config?.StopSignal is { Length: > 0 } signal
                ? Signals.Parse(signal) ?? throw new ImageException($"{what}: StopSignal \"{signal}\" is no signal")
                : null,
        };
    }
}
