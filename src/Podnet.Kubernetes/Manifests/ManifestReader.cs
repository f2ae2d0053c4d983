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

    private static readonly string[] Extensions = [".yaml", ".yml", ".json"];

    /// <param name="paths">Files, or directories: of these the files that end in .yaml, .yml or .json, by name, without their subdirectories.</param>
    /// <exception cref="ManifestException">Something is wrong; the first thing.</exception>
    public static List<ManifestObject> Read(IEnumerable<string> paths) =>
        [.. paths.SelectMany(FilesOf).SelectMany(file => Parse(Text(file), file))];

    /// <param name="file">For messages only.</param>
    /// <exception cref="ManifestException">Something is wrong; the first thing.</exception>
    public static List<ManifestObject> Parse(string text, string file)
    {
        var documents = text.AsSpan().TrimStart() is ['{' or '[', ..] ? JsonTree.Parse(text, file) : YamlTree.Parse(text, file);
        // Escapes can make JSON longer than its YAML, but not by more than this; what does is aliases.
        var budget = 8L * text.Length + (1 << 20);
        List<ManifestObject> objects = [];
        foreach (var document in documents)
            Add(document, file, objects, ref budget);
        return objects;
    }

    private static void Add(SourceNode node, string file, List<ManifestObject> objects, ref long budget)
    {
        if (node is not MappingNode mapping)
            throw new ManifestException(file, node.At, $"{node.Noun}, not a Kubernetes object");
        var version = RequiredText(mapping, "apiVersion", file);
        var kind = RequiredText(mapping, "kind", file);
        if (kind.Text == "List" && version.Text == "v1")
        {
            foreach (var item in (mapping["items"] as SequenceNode)?.Items ?? [])
                Add(item, file, objects, ref budget);
            return;
        }
        var resource = ResourceOf(version, kind, file);
        var reader = new TypedReader(file, kind.Text, budget);
        var value = (IKubernetesObject<V1ObjectMeta>)reader.Read(mapping, resource.TypeInfo);
        budget -= reader.Written;
        if (string.IsNullOrEmpty(value.Metadata?.Name) && string.IsNullOrEmpty(value.Metadata?.GenerateName))
            throw new ManifestException(file, mapping["metadata"]?.At ?? mapping.At, "metadata.name: is missing");
        objects.Add(new(resource, value, file, mapping.At.Line));
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
        if (!Directory.Exists(path))
            return [path];
        var files = Directory.EnumerateFiles(path)
            .Where(file => Extensions.Contains(Path.GetExtension(file), StringComparer.Ordinal))
            .Order(StringComparer.Ordinal)
            .ToArray();
        return files.Length > 0 ? files : throw new ManifestException($"{path}: no file in it ends in {string.Join(", ", Extensions)}");
    }

    private static string Text(string file)
    {
        try
        {
            if (new FileInfo(file) is { Exists: true, Length: > LargestFile })
                throw new ManifestException($"{file}: larger than {LargestFile >> 20} MiB");
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ManifestException($"{file}: {(e is FileNotFoundException or DirectoryNotFoundException ? "no such file" : e.Message)}", e);
        }
    }
}
