using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using k8s;

namespace Podnet.Local.ApiServer;

/// <summary>
/// The fields of a Kubernetes type, out of the JSON metadata of its model. What does not fit it never reaches the store, so
/// every reader can trust the types that it finds.
/// </summary>
public sealed class FieldSchema
{
    private static readonly ConcurrentDictionary<Type, FieldSchema> Known = new();
    private readonly Lazy<Dictionary<string, FieldSchema>?> _fields;
    private readonly Lazy<FieldSchema?> _element;

    private FieldSchema(Type type)
    {
        Type = Nullable.GetUnderlyingType(type) ?? type;
        var info = SourceGenerationContext.Default.GetTypeInfo(Type);
        Shape = info?.Kind switch
        {
            JsonTypeInfoKind.Object when Type != typeof(object) => Shapes.Object,
            JsonTypeInfoKind.Dictionary => Shapes.Map,
            JsonTypeInfoKind.Enumerable when Type != typeof(byte[]) => Shapes.List,
            _ => Leaf(Type),
        };
        _fields = new(() => Shape == Shapes.Object
            ? info!.Properties.ToDictionary(p => p.Name, p => Of(p.PropertyType), StringComparer.Ordinal) : null);
        _element = new(() => Shape is Shapes.Map or Shapes.List ? Of(info!.ElementType!) : null);
    }

    private enum Shapes
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

    /// <summary>The type of the model.</summary>
    public Type Type { get; }

    private Shapes Shape { get; }

    public static FieldSchema Of(Type type) => Known.GetOrAdd(type, static t => new FieldSchema(t));

    /// <summary>The schema of a field of an object, or of an element of a list or map; null where there is none.</summary>
    public FieldSchema? Field(string name) => Shape switch
    {
        Shapes.Object => _fields.Value!.GetValueOrDefault(name),
        Shapes.Map => _element.Value,
        _ => null,
    };

    public FieldSchema? Element => _element.Value;

    /// <summary>Takes out what is unknown or null (which is the same as not there), and checks the types of the rest.</summary>
    /// <param name="unknown">Gets the paths of what was unknown.</param>
    /// <exception cref="JsonException">A value of the wrong type.</exception>
    public void Normalize(JsonObject value, ICollection<string> unknown) => Normalize(value, "", unknown);

    private void Normalize(JsonNode value, string path, ICollection<string> unknown)
    {
        switch (Shape)
        {
            case Shapes.Object:
            case Shapes.Map:
                NormalizeObject(value as JsonObject ?? throw Mismatch(path, value, "an object"), path, unknown);
                break;
            case Shapes.List:
                var list = value as JsonArray ?? throw Mismatch(path, value, "an array");
                for (var i = 0; i < list.Count; i++)
                    Element!.Normalize(list[i] ?? throw Mismatch($"{path}[{i}]", null, "a value"), $"{path}[{i}]", unknown);
                break;
            case Shapes.Any:
                break;
            default:
                CheckLeaf(value, path);
                break;
        }
    }

    private void NormalizeObject(JsonObject value, string path, ICollection<string> unknown)
    {
        List<string>? remove = null;
        foreach (var (name, child) in value)
        {
            var childPath = path.Length == 0 ? name : $"{path}.{name}";
            var field = Field(name);
            if (field is null)
                unknown.Add(childPath);
            else if (child is not null)
                field.Normalize(child, childPath, unknown);
            if (field is null || child is null)
                (remove ??= []).Add(name);
        }
        foreach (var name in remove ?? [])
            value.Remove(name);
    }

    private void CheckLeaf(JsonNode value, string path)
    {
        var kind = value.GetValueKind();
        var right = Shape switch
        {
            Shapes.Text => kind == JsonValueKind.String,
            Shapes.Flag => kind is JsonValueKind.True or JsonValueKind.False,
            Shapes.Float => kind == JsonValueKind.Number,
            Shapes.Integer => IsInteger(value, kind),
            _ => kind is JsonValueKind.String or JsonValueKind.Number,
        };
        if (!right)
            throw Mismatch(path, value, Shape switch
            {
                Shapes.Text => "string",
                Shapes.Flag => "bool",
                Shapes.Float => "float64",
                Shapes.Integer => Type == typeof(int) ? "int32" : "int64",
                _ => "a string or a number",
            });
        if (Type == typeof(DateTime) && !DateTimeOffset.TryParse(value.GetValue<string>(), out _))
            throw new JsonException($"{path}: \"{value}\" is not a time in RFC 3339 form");
    }

    private bool IsInteger(JsonNode value, JsonValueKind kind) => kind == JsonValueKind.Number && (Type == typeof(int)
        ? int.TryParse(value.ToJsonString(), out _)
        : long.TryParse(value.ToJsonString(), out _));

    private static JsonException Mismatch(string path, JsonNode? value, string wanted)
    {
        var found = value?.GetValueKind() switch
        {
            null => "null",
            JsonValueKind.True or JsonValueKind.False => "bool",
            { } kind => kind.ToString().ToLowerInvariant(),
        };
        return new($"json: cannot unmarshal {found} into field {path} of type {wanted}");
    }

    private static Shapes Leaf(Type type) => Type.GetTypeCode(type) switch
    {
        TypeCode.String or TypeCode.DateTime => Shapes.Text,
        TypeCode.Int32 or TypeCode.Int64 => Shapes.Integer,
        TypeCode.Double => Shapes.Float,
        TypeCode.Boolean => Shapes.Flag,
        _ when type == typeof(byte[]) => Shapes.Text,
        _ when type == typeof(k8s.Models.IntOrString) || type == typeof(k8s.Models.ResourceQuantity) => Shapes.TextOrNumber,
        _ => Shapes.Any,
    };
}
