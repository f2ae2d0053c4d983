namespace Podnet.Local.Images;

/// <summary>What an image may have at most, so that a hostile one ends in an error and not in a full disk.</summary>
/// <param name="Bytes">Of all layers, unpacked. Arbitrary: far above images of services, far below a disk.</param>
/// <param name="Entries">Files, folders and links of all layers. Arbitrary.</param>
public sealed record ImageLimits(long Bytes = 16L << 30, int Entries = 2_000_000)
{
    /// <summary>Docker's (overlay2, maxDepth, less the container's own two).</summary>
    public const int Layers = 126;

    /// <summary>Of a manifest, an index or a configuration, in bytes: what registries take at most (distribution, maxManifestBodySize).</summary>
    public const int DocumentBytes = 4 << 20;

    /// <summary>Of the headers that go before one entry of a tar file, in bytes. Arbitrary: a path and a link have at most 4096 each.</summary>
    public const int HeaderBytes = 1 << 20;

    /// <summary>Of a file's path in an image, in bytes. Arbitrary; with what goes before it, it must stay below the kernel's 4096.</summary>
    public const int PathBytes = 2048;
}
