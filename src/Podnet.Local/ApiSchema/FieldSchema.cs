using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Podnet.Local.ApiServer;

namespace Podnet.Local.ApiSchema;

/// <summary>
/// A type of Kubernetes' API, and what fits it. What does not fit it never reaches the store, so every reader can trust the types
/// that it finds.
/// </summary>
public sealed partial class FieldSchema
{
    private static readonly ConcurrentDictionary<string, FieldSchema> Known = new(StringComparer.Ordinal);
    /// <summary>apimachinery pkg/api/resource, ErrFormatWrong.</summary>
    private const string QuantityText = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$";

    /// <summary>apimachinery pkg/api/resource/quantity.go, "Serialization Format", with exponents that a number of 64 bits has use for.</summary>
    [GeneratedRegex("^[-+]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]{1,2})?\\z", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex QuantityForm { get; }

    /// <summary>Characters of a quantity; arbitrary.</summary>
    private const int LongestQuantity = 64;

    /// <summary>RFC 3339, section 5.6, as Go reads it.</summary>
    [GeneratedRegex("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?(Z|[-+][0-9]{2}:[0-9]{2})\\z", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex TimeForm { get; }

    /// <summary>The length of a time without fractions of a second; metav1.Time has none.</summary>
    private const int WholeSeconds = 20;
    private readonly Lazy<IReadOnlyList<FieldDefinition>> _wire;
    private readonly Lazy<Dictionary<string, FieldDefinition>> _fields;

    private FieldSchema(string type)
    {
        Type = type;
        Element = type.StartsWith("[]", StringComparison.Ordinal) ? Of(type[2..])
            : type.StartsWith("map:", StringComparison.Ordinal) ? Of(type[4..])
            : null;
        Shape = type switch
        {
            _ when Element is not null => type[0] == '[' ? FieldShape.List : FieldShape.Map,
            "string" or "bytes" or "Time" or "MicroTime" or "Duration" => FieldShape.Text,
            "int32" or "int64" => FieldShape.Integer,
            "double" => FieldShape.Float,
            "bool" => FieldShape.Flag,
            "IntOrString" or "Quantity" => FieldShape.TextOrNumber,
            "Raw" or "Fields" => FieldShape.Any,
            _ => FieldShape.Object,
        };
        _wire = new(() => Shape == FieldShape.Object ? TypeTable.Fields(type) : []);
        _fields = new(() => Inlined(this).ToDictionary(f => f.Name, StringComparer.Ordinal));
    }

    /// <summary>"core.v1.PodSpec", "string", "Time", "[]core.v1.Container", "map:string".</summary>
    public string Type { get; }

    internal FieldShape Shape { get; }

    /// <summary>Of a list or a map; null otherwise.</summary>
    public FieldSchema? Element { get; }

    /// <summary>The fields as they stand in protobuf.</summary>
    public IReadOnlyList<FieldDefinition> WireFields => _wire.Value;

    /// <summary>The fields as they stand in JSON.</summary>
    public IReadOnlyCollection<FieldDefinition> Fields => _fields.Value.Values;

    /// <exception cref="ArgumentException">There is no such type.</exception>
    public static FieldSchema Of(string type) => Known.GetOrAdd(type, static t => new FieldSchema(t));

    /// <summary>A field of an object; null where there is none.</summary>
    public FieldDefinition? Definition(string name) => Shape == FieldShape.Object ? _fields.Value.GetValueOrDefault(name) : null;

    /// <summary>The schema of a field of an object, or of an element of a map; null where there is none.</summary>
    public FieldSchema? Field(string name) => Shape == FieldShape.Map ? Element : Definition(name)?.Schema;

    private static IEnumerable<FieldDefinition> Inlined(FieldSchema schema) =>
        schema.WireFields.SelectMany(f => f.Name.Length > 0 ? [f] : Inlined(f.Schema));

    /// <summary>Takes out what is unknown or null (which is the same as not there), and checks the types of the rest.</summary>
    /// <param name="unknown">Gets the paths of what was unknown.</param>
    /// <exception cref="JsonException">A value of the wrong type.</exception>
    public void Normalize(JsonObject value, ICollection<string> unknown) => Normalize(value, new Place("", "", ""), unknown);

    private void Normalize(JsonNode value, Place place, ICollection<string> unknown)
    {
        switch (Shape)
        {
            case FieldShape.Object:
            case FieldShape.Map:
                NormalizeObject(value as JsonObject ?? throw Mismatch(place, value), place, unknown);
                break;
            case FieldShape.List:
                var list = value as JsonArray ?? throw Mismatch(place, value);
                for (var i = 0; i < list.Count; i++)
                    Element!.Normalize(list[i] ?? throw Element!.Mismatch(place, null), place with { Path = $"{place.Path}[{i}]" }, unknown);
                break;
            case FieldShape.Any:
                break;
            default:
                CheckLeaf(value, place);
                break;
        }
    }

    private void NormalizeObject(JsonObject value, Place place, ICollection<string> unknown)
    {
        List<string>? remove = null;
        List<(string Name, string Time)>? whole = null;
        foreach (var (name, child) in value)
        {
            var childPath = place.Path.Length == 0 ? name : $"{place.Path}.{name}";
            var field = Field(name);
            if (field is null)
                unknown.Add(childPath);
            else if (child is not null)
                field.Normalize(child, Inside(place, name, childPath), unknown);
            if (field is null || child is null)
                (remove ??= []).Add(name);
            else if (field.Type == "Time" && child.GetValue<string>() is { Length: > WholeSeconds } time)
                (whole ??= []).Add((name, time));
        }
        if (remove is not null)
            value.RemoveAll(remove);
        foreach (var (name, time) in whole ?? [])
            value[name] = ObjectJson.Timestamp(DateTimeOffset.Parse(time, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal));
    }

    private void CheckLeaf(JsonNode value, Place place)
    {
        var kind = value.GetValueKind();
        var right = Shape switch
        {
            FieldShape.Text => kind == JsonValueKind.String,
            FieldShape.Flag => kind is JsonValueKind.True or JsonValueKind.False,
            FieldShape.Float => kind == JsonValueKind.Number,
            FieldShape.Integer => IsInteger(value, kind),
            _ => kind == JsonValueKind.String || (Type == "Quantity" ? kind == JsonValueKind.Number : IsInteger(value, kind)),
        };
        if (!right)
            throw Mismatch(place, value);
        if ((Type is "Time" or "MicroTime") && !IsTime(value.GetValue<string>()))
            throw new JsonException($"{place.Path}: \"{value}\" is not a time in RFC 3339 form");
        if (Type == "Quantity" && (value.ToString() is not { Length: <= LongestQuantity } quantity || !QuantityForm.IsMatch(quantity)))
            throw new JsonException($"quantities must match the regular expression '{QuantityText}'");
        if (Type == "bytes" && !IsBase64(value.GetValue<string>()))
            throw new JsonException($"{place.Path}: illegal base64 data");
    }

    private static bool IsBase64(string text) => System.Buffers.Text.Base64.IsValid(text);

    private static bool IsTime(string text) =>
        TimeForm.IsMatch(text) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out _);

    private bool IsInteger(JsonNode value, JsonValueKind kind) => kind == JsonValueKind.Number && (Type == "int64"
        ? long.TryParse(value.ToJsonString(), CultureInfo.InvariantCulture, out _)
        : int.TryParse(value.ToJsonString(), CultureInfo.InvariantCulture, out _));

    /// <summary>The key of a map is no field: what is wrong below it is said of the map.</summary>
    private Place Inside(Place place, string name, string path) => Shape == FieldShape.Map
        ? place with { Path = path }
        : new(Type[(Type.LastIndexOf('.') + 1)..], place.Fields.Length == 0 ? name : $"{place.Fields}.{name}", path);

    /// <summary>As Go writes the type.</summary>
    private string GoType => Shape switch
    {
        FieldShape.Text => "string",
        FieldShape.Flag => "bool",
        FieldShape.Float => "float64",
        FieldShape.Integer => Type,
        FieldShape.List => "[]" + Element!.GoType,
        FieldShape.Map => "map[string]" + Element!.GoType,
        FieldShape.Object => Type[(Type.IndexOf('.', StringComparison.Ordinal) + 1)..],
        _ => Type,
    };

    private JsonException Mismatch(Place place, JsonNode? value)
    {
        var found = value?.GetValueKind() switch
        {
            null => "null",
            JsonValueKind.True or JsonValueKind.False => "bool",
            { } kind => kind.ToString().ToLowerInvariant(),
        };
        return new($"json: cannot unmarshal {found} into Go struct field {place.Struct}.{place.Fields} of type {GoType}");
    }
}

/// <summary>Where a value is.</summary>
/// <param name="Struct">The type that has the field: "EnvVar".</param>
/// <param name="Fields">The way there by fields alone, as Go's JSON decoder says it: "spec.containers.env.value".</param>
/// <param name="Path">The whole way: "spec.containers[0].env[1].value".</param>
internal readonly record struct Place(string Struct, string Fields, string Path);

internal enum FieldShape
{
    Object,
    Map,
    List,
    Text,
    Integer,
    Float,
    Flag,
    TextOrNumber,
    Any,
}
