using System.Text.RegularExpressions;
using Podnet.Linux;
using Podnet.Local.Images;

namespace Podnet.Local.Kubelet;

/// <summary>Fetches one image from its registry with skopeo (skopeo-inspect(1), skopeo-copy(1)), which knows registries, proxies and credentials.</summary>
/// <param name="folder">For this pull alone: made and taken away.</param>
internal sealed partial class RegistryPull(ImageStore store, string folder)
{
    /// <summary>Arbitrary: for a large image on a slow line.</summary>
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(30);

    /// <summary>How often what has come is measured. Arbitrary.</summary>
    private static readonly TimeSpan Glance = TimeSpan.FromSeconds(1);

    private static readonly ImageLimits Limits = new();

    /// <summary>Null where it is not installed.</summary>
    public static string? Program => Programs.Find("skopeo");

    /// <param name="credentials">containers-auth.json(5); null: those that skopeo finds by itself, of this machine's root.</param>
    /// <exception cref="ImageException">With skopeo's words, or with what is wrong with what came.</exception>
    public async Task<StoredImage> RunAsync(ImageReference reference, string? credentials, CancellationToken ct)
    {
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        try
        {
            if (credentials is not null)
                await File.WriteAllTextAsync(Credentials, credentials, ct);
            await SkopeoAsync(["inspect", "--raw", .. Access(reference, "", credentials), $"docker://{reference}"], ct);
            var document = await ReadDocumentAsync(Output, reference, ct);
            var digest = ContentDigest.Of(document);
            if (reference.Digest is { } wanted && wanted != digest)
                throw new ImageException($"{reference.Registry} gave {digest} for {reference}");
            if (store.Find(reference) is { Pulled: true } known && known.Digest == digest && known.Name == reference.ToString())
                return known;
            await SkopeoAsync(["copy", .. Access(reference, "src-", credentials), $"docker://{reference.WithDigest(digest)}", $"dir:{folder}/image"], ct);
            var manifest = ContentDigest.Of(await ReadDocumentAsync($"{folder}/image/manifest.json", reference, ct));
            if (manifest != digest && !ImageFormats.Listed(document, $"index {digest}").Contains(manifest))
                throw new ImageException($"{reference.Registry} gave manifest {manifest} for {reference}, which {digest} does not list");
            return new ImageLoader(store, Limits, _ => { }).TakePulled($"{folder}/image", reference, digest);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private string Credentials => $"{folder}/auth.json";

    private string Output => $"{folder}/stdout";

    private IEnumerable<string> Access(ImageReference reference, string prefix, string? credentials)
    {
        if (reference.IsOnLoopback)
            yield return $"--{prefix}tls-verify=false";
        if (credentials is not null)
        {
            yield return $"--{prefix}authfile";
            yield return Credentials;
        }
    }

    private async Task SkopeoAsync(string[] arguments, CancellationToken ct)
    {
        var errors = $"{folder}/stderr";
        File.Delete(errors);
        using var output = FileHandle.OpenAppend(Output);
        using var error = FileHandle.OpenAppend(errors);
        var skopeo = ChildProcess.Start(new ProcessStart(Program!, arguments) { StandardOutput = output, StandardError = error, NewSession = true });
        try
        {
            var end = DateTime.UtcNow + Timeout;
            while (await Task.WhenAny(skopeo.Exited, Task.Delay(Glance, ct)) != skopeo.Exited)
            {
                ct.ThrowIfCancellationRequested();
                if (DateTime.UtcNow > end)
                    throw new ImageException($"skopeo did not end within {Timeout.TotalMinutes} minutes and was killed");
                if (Size() > Limits.Bytes)
                    throw new ImageException($"it has more than the {Limits.Bytes} bytes that an image may have");
            }
        }
        finally
        {
            if (!skopeo.Exited.IsCompleted)
                skopeo.Kill(Signals.Kill);
            await skopeo.Exited;
        }

        if (await skopeo.Exited is { Succeeded: false } status)
            throw new ImageException(Complaint(await File.ReadAllLinesAsync(errors, ct)) ?? $"skopeo {arguments[0]}: {status}");
    }

    private long Size() => new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);

    private static async Task<byte[]> ReadDocumentAsync(string path, ImageReference reference, CancellationToken ct) =>
        new FileInfo(path).Length <= ImageLimits.DocumentBytes
            ? await File.ReadAllBytesAsync(path, ct)
            : throw new ImageException($"the manifest of {reference} has more than {ImageLimits.DocumentBytes} bytes");

    /// <summary>The message of the last line: time="…" level=fatal msg="…", a string as Go writes it.</summary>
    internal static string? Complaint(IReadOnlyList<string> lines)
    {
        if (lines.LastOrDefault(line => line.Length > 0) is not { } last)
            return null;
        var message = Message().Match(last);
        return message.Success ? Escape().Replace(message.Groups["text"].Value, escape => escape.Groups["char"].Value is "n" or "t" ? " " : escape.Groups["char"].Value) : last;
    }

    [GeneratedRegex(@"msg=""(?<text>([^""\\]|\\.)*)""", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Message();

    [GeneratedRegex(@"\\(?<char>.)", RegexOptions.CultureInvariant)]
    private static partial Regex Escape();
}
