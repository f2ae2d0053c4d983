using System.Text;
using k8s;
using k8s.Models;

namespace Podnet.Kubernetes.Manifests;

/// <summary>An object as somebody wrote it, and where, for what the server may say about it.</summary>
/// <param name="Line">Counts from 1.</param>
public sealed record ManifestObject(Resource Resource, IKubernetesObject<V1ObjectMeta> Object, string File, int Line);

/// <summary>
/// Files of Kubernetes objects, YAML or JSON, several documents a file, Lists taken apart, in their order. Everything is checked
/// against the kinds' fields before anything is returned, so that a slip in the last file leaves nothing half done.
/// </summary>
public static class ManifestReader
{
    /// <summary>Bytes. Arbitrary; 50,000 Services with an EndpointSlice each are about 60 MiB of JSON.</summary>
    private const long LargestFile = 256 << 20;

    /// <summary>As a path: what is read from standard input, as kubectl has it.</summary>
    private const string StandardInput = "-";

    private static readonly string[] Extensions = [".yaml", ".yml", ".json"];

    /// <summary>A file in another encoding would become names and addresses that nobody wrote.</summary>
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <param name="paths">
    /// Files, or directories: of these the files that end in .yaml, .yml or .json, by name, without their subdirectories. "-" is
    /// standard input.
    /// </param>
    /// <param name="isWanted">Asked for each object's kind; one that is not wanted may be of any kind and have any fields. Null: all are.</param>
    /// <exception cref="ManifestException">Something is wrong; the first thing.</exception>
    public static List<ManifestObject> Read(IEnumerable<string> paths, Predicate<string>? isWanted = null) =>
        [.. paths.SelectMany(FilesOf).SelectMany(file => Parse(Text(file), Shown(file), isWanted))];

    /// <param name="file">For messages only.</param>
    /// <param name="isWanted">As for <see cref="Read"/>.</param>
    /// <exception cref="ManifestException">Something is wrong; the first thing.</exception>
    public static List<ManifestObject> Parse(string text, string file, Predicate<string>? isWanted = null)
    {
        var documents = text.AsSpan().TrimStart() is ['{' or '[', ..] ? JsonTree.Parse(text, file) : YamlTree.Parse(text, file);
        // Escapes can make JSON longer than its YAML, but not by more than this; what does is aliases.
        var budget = 8L * text.Length + (1 << 20);
        List<ManifestObject> objects = [];
        foreach (var document in documents)
            Add(document, file, itemOf: null, isWanted, objects, ref budget);
        return objects;
    }

    /// <param name="itemOf">The kind of the list that it is an item of, where that says it: items of such lists come without.</param>
    private static void Add(SourceNode node, string file, Resource? itemOf, Predicate<string>? isWanted, List<ManifestObject> objects, ref long budget)
    {
        if (node is not MappingNode mapping)
            throw new ManifestException(file, node.At, $"{node.Noun}, not a Kubernetes object");
        Resource resource;
        if (itemOf is not null && mapping["kind"] is null)
        {
            resource = itemOf;
        }
        else
        {
            var version = RequiredText(mapping, "apiVersion", file);
            var kind = RequiredText(mapping, "kind", file);
            if (IsList(version.Text, kind.Text, out var of))
            {
                foreach (var item in (mapping["items"] as SequenceNode)?.Items ?? [])
                    Add(item, file, of, isWanted, objects, ref budget);
                return;
            }
            if (isWanted?.Invoke(kind.Text) == false)
                return;
            resource = ResourceOf(version, kind, file);
        }
        var reader = new TypedReader(file, resource.Kind, budget);
        var value = (IKubernetesObject<V1ObjectMeta>)reader.Read(mapping, resource.TypeInfo);
        budget -= reader.Written;
        if (string.IsNullOrEmpty(value.Metadata?.Name) && string.IsNullOrEmpty(value.Metadata?.GenerateName))
            throw new ManifestException(file, mapping["metadata"]?.At ?? mapping.At, "metadata.name: is missing");
        objects.Add(new(resource, value, file, mapping.At.Line));
    }

    /// <summary>kubectl's List of anything, or the server's own list of a kind: ServiceList.</summary>
    private static bool IsList(string version, string kind, out Resource? of)
    {
        of = Resources.All.FirstOrDefault(resource => kind == $"{resource.Kind}List" && version == resource.ApiVersion);
        return of is not null || (kind == "List" && version == "v1");
    }

    private static ScalarNode RequiredText(MappingNode mapping, string field, string file) => mapping[field] switch
    {
        ScalarNode { Kind: ScalarKind.Text } text => text,
        null => throw new ManifestException(file, mapping.At, $"{field}: is missing"),
        var other => throw new ManifestException(file, other.At, $"{field}: is {other.Noun}, not a string"),
    };

    private static Resource ResourceOf(ScalarNode version, ScalarNode kind, string file)
    {
        var known = Resources.All.FirstOrDefault(resource => resource.Kind == kind.Text);
        if (known is null)
        {
            var kinds = Resources.All.Select(resource => resource.Kind).Order(StringComparer.Ordinal).ToArray();
            var suggestion = Suggestion.Among(kinds, kind.Text);
            throw new ManifestException(
                file, kind.At, $"kind: unknown kind {kind.Text}{(suggestion.Length > 0 ? suggestion : $" (known: {string.Join(", ", kinds)})")}");
        }
        return known.ApiVersion == version.Text
            ? known
            : throw new ManifestException(file, version.At, $"apiVersion: {kind.Text} is {known.ApiVersion}, not {version.Text}");
    }

    private static IEnumerable<string> FilesOf(string path)
    {
        if (path == StandardInput || !Directory.Exists(path))
            return [path];
        var files = Directory.EnumerateFiles(path)
            .Where(file => Extensions.Contains(Path.GetExtension(file), StringComparer.Ordinal))
            .Order(StringComparer.Ordinal)
            .ToArray();
        return files.Length > 0 ? files : throw new ManifestException($"{path}: no file in it ends in {string.Join(", ", Extensions)}");
    }

    private static string Shown(string file) => file == StandardInput ? "standard input" : file;

    private static string Text(string file)
    {
        try
        {
            if (file != StandardInput && new FileInfo(file) is { Exists: true, Length: > LargestFile })
                throw new ManifestException($"{file}: larger than {LargestFile >> 20} MiB");
            using var reader = new StreamReader(file == StandardInput ? Console.OpenStandardInput() : File.OpenRead(file), Utf8);
            return reader.ReadToEnd();
        }
        catch (DecoderFallbackException e)
        {
            throw new ManifestException($"{Shown(file)}: not UTF-8: the byte {e.BytesUnknown?.FirstOrDefault():x2} stands where none can", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ManifestException($"{file}: {(e is FileNotFoundException or DirectoryNotFoundException ? "no such file" : e.Message)}", e);
        }
    }
}
