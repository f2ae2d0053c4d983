using System.Text.Json.Nodes;
using Podnet.Core.Model;
using Podnet.Local.ApiSchema;

namespace Podnet.Local.ApiServer;

/// <summary>A kind of object that is served: its names, and what is special about it.</summary>
/// <param name="Group">Empty for the core group.</param>
/// <param name="Type">"core.v1.Pod", for the fields that it has.</param>
/// <param name="Rules">Defaults, validation and admission.</param>
/// <param name="Table">How kubectl prints it.</param>
public sealed record ResourceDefinition(
    string Group,
    string Version,
    string Plural,
    string Kind,
    bool Namespaced,
    string Type,
    ResourceRules Rules,
    TableLayout Table)
{
    public IReadOnlyList<string> ShortNames { get; init; } = [];

    /// <summary>"all" for what <c>kubectl get all</c> lists.</summary>
    public IReadOnlyList<string> Categories { get; init; } = [];

    /// <summary>It has a status subresource: a plain update leaves status alone, an update of the status leaves the rest alone.</summary>
    public bool HasStatus { get; init; }

    /// <summary>metadata.generation counts the changes of spec.</summary>
    public bool HasGeneration { get; init; }

    /// <summary>It has a scale subresource over spec.replicas.</summary>
    public bool HasScale { get; init; }

    /// <summary>A delete answers with the object and not with a Status, as Kubernetes does for these kinds.</summary>
    public bool DeleteReturnsObject { get; init; }

    /// <summary>Of a kind that is a question and not stored (SelfSubjectAccessReview): the object with the answer in it. It can only be created.</summary>
    internal Func<Reviews, JsonObject, JsonObject>? Answer { get; init; }

    /// <summary>Not made before it is needed: a server should stand at once.</summary>
    public FieldSchema Schema => FieldSchema.Of(Type);

    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>As in messages: "pods", "statefulsets.apps".</summary>
    public string Qualified => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    public string Key => Qualified;

    public string ListKind => Kind + "List";

    public string Singular => Kind.ToLowerInvariant();

    /// <summary>Writes the revision into the object, puts the top-level properties into their usual order, and serializes.</summary>
    internal StoredObject ToStored(JsonObject json, long revision)
    {
        var metadata = json.Child("metadata");
        metadata["resourceVersion"] = revision.ToString(System.Globalization.CultureInfo.InvariantCulture);
        var fields = Rules.SelectableFields.Count == 0 ? ObjectJson.EmptyMap
            : Rules.SelectableFields.ToDictionary(path => path, path => FieldText(json.At(path.Split('.'))), StringComparer.Ordinal);
        return new(
            new ObjectName(metadata.Text("namespace") ?? "", metadata.Text("name") ?? ""),
            revision,
            metadata.Text("uid") ?? "",
            Serialize(json, metadata),
            ObjectJson.StringMap(metadata["labels"]),
            fields);
    }

    private byte[] Serialize(JsonObject json, JsonObject metadata) => ObjectJson.ToUtf8(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("kind", Kind);
        writer.WriteString("apiVersion", ApiVersion);
        writer.WritePropertyName("metadata");
        metadata.WriteTo(writer);
        foreach (var (name, value) in json)
        {
            if (name is "kind" or "apiVersion" or "metadata" || value is null)
                continue;
            writer.WritePropertyName(name);
            value.WriteTo(writer);
        }
        writer.WriteEndObject();
    });

    private static string FieldText(JsonNode? node) => node switch
    {
        JsonValue value when value.TryGetValue<string>(out var text) => text,
        JsonValue value => value.ToJsonString(),
        _ => "",
    };
}
