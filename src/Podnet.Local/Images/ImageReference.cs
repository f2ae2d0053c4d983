using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Text.RegularExpressions;

namespace Podnet.Local.Images;

/// <summary>
/// An image's name, whole: "nginx" is docker.io/library/nginx:latest. The grammar and the defaults are those of
/// github.com/distribution/reference, which Kubernetes goes by; a tag beside a digest says nothing and is dropped.
/// </summary>
public sealed partial record ImageReference
{
    private const string DefaultRegistry = "docker.io";

    /// <summary>Of registry and repository (distribution/reference, NameTotalLengthMax).</summary>
    private const int LongestName = 255;

    /// <summary>Of all of it; more than name, tag and digest can have. Arbitrary.</summary>
    private const int Longest = 512;

    private ImageReference(string registry, string repository, string? tag, string? digest, bool isShort)
    {
        Registry = registry;
        Repository = repository;
        Tag = tag;
        Digest = digest;
        IsShort = isShort;
    }

    /// <summary>Host, perhaps with a port: "docker.io", "127.0.0.1:5000".</summary>
    public string Registry { get; }

    /// <summary>"library/nginx".</summary>
    public string Repository { get; }

    /// <summary>Null where there is a digest.</summary>
    public string? Tag { get; }

    /// <summary>"sha256:…": exactly this content.</summary>
    public string? Digest { get; }

    /// <summary>Whoever wrote it named no registry.</summary>
    private bool IsShort { get; }

    /// <summary>On this machine: taken without TLS where it has none, as Docker does.</summary>
    public bool IsOnLoopback => Host is "localhost" || (IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address));

    /// <summary>Registry and repository.</summary>
    public string Name => $"{Registry}/{Repository}";

    /// <summary>
    /// What a store may have it under: its whole name, and where no registry was named also as podman calls what it builds itself.
    /// </summary>
    public IEnumerable<string> KnownAs => IsShort
        ? [ToString(), new ImageReference("localhost", Repository.StartsWith("library/", StringComparison.Ordinal) ? Repository["library/".Length..] : Repository, Tag, Digest, false).ToString()]
        : [ToString()];

    private string Host => Registry.StartsWith('[') ? Registry[1..Registry.IndexOf(']')] : Registry.Split(':')[0];

    /// <summary>The same image by its content.</summary>
    public ImageReference WithDigest(string digest) => new(Registry, Repository, null, digest, IsShort);

    public override string ToString() => Digest is null ? $"{Name}:{Tag}" : $"{Name}@{Digest}";

    /// <param name="fault">In Kubernetes' own words.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out ImageReference? reference, [NotNullWhen(false)] out string? fault)
    {
        reference = null;
        fault = $"couldn't parse image name \"{text}\": invalid reference format";
        if (text.Length > Longest || Whole().Match(text) is not { Success: true } match)
            return false;
        var (first, rest) = (match.Groups["first"].Value, match.Groups["rest"].Value);
        // A registry is known by what no repository begins with (distribution/reference, splitDockerDomain).
        var named = first.Length > 0 && (first.AsSpan().ContainsAny('.', ':') || first is "localhost" || first.Any(char.IsAsciiLetterUpper));
        var (registry, repository) = named ? (first, rest) : (DefaultRegistry, first.Length == 0 ? rest : $"{first}/{rest}");
        if (registry is "index.docker.io")
            registry = DefaultRegistry;
        if (!Path().IsMatch(repository) || (named && !Domain().IsMatch(registry)))
            return false;
        if (registry == DefaultRegistry && !repository.Contains('/'))
            repository = $"library/{repository}";
        if (registry.Length + 1 + repository.Length > LongestName)
        {
            fault = $"couldn't parse image name \"{text}\": repository name must not be more than {LongestName} characters";
            return false;
        }

        var digest = match.Groups["digest"] is { Success: true } given ? given.Value : null;
        if (digest is not null && !ContentDigest.IsValid(digest))
        {
            fault = $"couldn't parse image name \"{text}\": invalid checksum digest: sha256 and 64 hexadecimal digits are read here";
            return false;
        }

        var tag = digest is not null ? null : match.Groups["tag"] is { Success: true } tagged ? tagged.Value : "latest";
        reference = new ImageReference(registry, repository, tag, digest, !named);
        fault = null;
        return true;
    }

    /// <exception cref="ImageException"/>
    public static ImageReference Parse(string text) =>
        TryParse(text, out var reference, out var fault) ? reference : throw new ImageException(fault);

    [GeneratedRegex(@"\A(?:(?<first>[^/@]+)/)?(?<rest>[^:@]+)(?::(?<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?<digest>[A-Za-z0-9+._-]+:[0-9a-fA-F]+))?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Whole();

    [GeneratedRegex(@"\A[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex Path();

    [GeneratedRegex(@"\A(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*)(?::[0-9]+)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Domain();
}
