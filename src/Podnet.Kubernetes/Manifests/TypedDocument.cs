using System.Globalization;
using System.Text.Json.Serialization.Metadata;

namespace Podnet.Kubernetes.Manifests;

/// <summary>
/// A file that holds one object which is not Kubernetes' own, a config for instance: read as strictly as a manifest, and
/// with the places of its fields, for faults that only the whole object shows.
/// </summary>
public sealed class TypedDocument<T>
    where T : class
{
    private readonly string _file;
    private readonly SourceNode _root;

    private TypedDocument(string file, SourceNode root, T value)
    {
        _file = file;
        _root = root;
        Value = value;
    }

    public T Value { get; }

    /// <param name="noun">What it is, for messages: "cluster config".</param>
    /// <exception cref="ManifestException">It is not YAML, or a field is unknown or of another type.</exception>
    public static TypedDocument<T> Parse(string text, string file, JsonTypeInfo<T> type, string noun)
    {
        var documents = YamlTree.Parse(text, file);
        if (documents is not [MappingNode root])
            throw new ManifestException($"{file}: a {noun} is one object; this file has {documents.Count} documents");
        return new TypedDocument<T>(file, root, (T)new TypedReader(file, noun, budget: 8L * text.Length + (1 << 20)).Read(root, type));
    }

    /// <summary>The error for a field, where it stands, or where its nearest parent does: "nodes[1].podCIDR".</summary>
    public ManifestException Fault(string field, string fault)
    {
        var node = _root;
        var at = _root.At;
        foreach (var step in field.Replace("[", ".[").Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            if (step[0] == '[' && node is SequenceNode list && int.Parse(step.AsSpan(1, step.Length - 2), CultureInfo.InvariantCulture) is var i && i < list.Items.Count)
            {
                node = list.Items[i];
                at = node.At;
            }
            else if (node is MappingNode mapping && mapping.Entries.Find(e => e.Key == step) is { Value: not null } entry)
            {
                node = entry.Value;
                at = entry.At;
            }
            else
            {
                break;
            }
        }

        return new ManifestException(_file, at, $"{field}: {fault}");
    }
}
