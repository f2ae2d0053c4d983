namespace Podnet.Local.Images;

/// <summary>An image that cannot be taken or kept: one line that says which, and what is wrong with it.</summary>
public sealed class ImageException(string message, Exception? inner = null) : IOException(message, inner);
