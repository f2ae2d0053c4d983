using System.Security.Cryptography;
using System.Text;

namespace Podnet.Local.Images;

/// <summary>"sha256:" and 64 lower-case hexadecimal digits (OCI image specification, descriptor.md, "Digests").</summary>
internal static class ContentDigest
{
    private const string Prefix = "sha256:";

    public static bool IsValid(string? digest) =>
        digest is { Length: 71 } && digest.StartsWith(Prefix, StringComparison.Ordinal) && digest.AsSpan(Prefix.Length).ContainsAnyExcept("0123456789abcdef") is false;

    public static string Of(ReadOnlySpan<byte> content) => FromHash(SHA256.HashData(content));

    public static string FromHash(ReadOnlySpan<byte> hash) => Prefix + Convert.ToHexStringLower(hash);

    public static string Hex(string digest) => digest[Prefix.Length..];

    /// <summary>Of a layer on those below it (config.md, "Layer ChainID").</summary>
    public static string Chain(string? below, string diffId) => below is null ? diffId : Of(Encoding.ASCII.GetBytes($"{below} {diffId}"));
}
