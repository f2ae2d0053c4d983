using System.Text.Json.Nodes;
using Podnet.Local.ApiServer;

namespace Podnet.Local.ApiSchema;

/// <summary>The OpenAPI documents of what is served: of version 3 one a group, of version 2 one of all.</summary>
/// <param name="resources">What the document is about.</param>
internal sealed class OpenApiDocument(IReadOnlyList<ResourceDefinition> resources)
{
    private readonly Dictionary<string, string> _meanings = TypeTable.Meanings();
    private bool _three;

    public JsonObject Version3()
    {
        _three = true;
        return new()
        {
            ["openapi"] = "3.0.0",
            ["info"] = Info(),
            ["paths"] = Paths(),
            ["components"] = new JsonObject { ["schemas"] = Definitions() },
        };
    }

    public JsonObject Version2() => new()
    {
        ["swagger"] = "2.0",
        ["info"] = Info(),
        ["paths"] = Paths(),
        ["definitions"] = Definitions(),
    };

    private static JsonObject Info() => new() { ["title"] = "Kubernetes", ["version"] = Discovery.GitVersion };

    /// <summary>Only what clients look for: that the server checks fields itself, and can try a write out (kubectl's --dry-run=server).</summary>
    private JsonObject Paths()
    {
        var paths = new JsonObject();
        foreach (var resource in resources.Where(r => r.Answer is null))
        {
            var root = resource.Group.Length == 0 ? $"/api/{resource.Version}" : $"/apis/{resource.ApiVersion}";
            var scope = resource.Namespaced ? "namespaces/{namespace}/" : "";
            paths[$"{root}/{scope}{resource.Plural}/{{name}}"] = new JsonObject { ["patch"] = Patch(resource) };
        }
        return paths;
    }

    private JsonObject Patch(ResourceDefinition resource) => new()
    {
        ["operationId"] = $"patch{resource.Kind}",
        ["parameters"] = new JsonArray([.. new[] { "dryRun", "fieldManager", "fieldValidation", "force" }.Select(name =>
        {
            var type = new JsonObject { ["type"] = name == "force" ? "boolean" : "string", ["uniqueItems"] = true };
            var parameter = new JsonObject { ["name"] = name, ["in"] = "query" };
            if (_three)
                parameter["schema"] = type;
            else
                (parameter["type"], parameter["uniqueItems"]) = (type["type"]!.DeepClone(), true);
            return (JsonNode)parameter;
        })]),
        ["responses"] = new JsonObject { ["200"] = new JsonObject { ["description"] = "OK" } },
        ["x-kubernetes-action"] = "patch",
        ["x-kubernetes-group-version-kind"] = Kind(resource),
    };

    private static JsonObject Kind(ResourceDefinition resource) =>
        new() { ["group"] = resource.Group, ["kind"] = resource.Kind, ["version"] = resource.Version };

    /// <summary>Every type that is reached from what is served.</summary>
    private JsonObject Definitions()
    {
        var definitions = new SortedDictionary<string, JsonNode?>(StringComparer.Ordinal);
        var open = new Queue<string>(resources.Select(r => r.Type));
        while (open.TryDequeue(out var type))
        {
            if (!definitions.TryAdd(FullName(type), null))
                continue;
            var schema = FieldSchema.Of(type);
            definitions[FullName(type)] = schema.Shape == FieldShape.Object ? Definition(schema, open) : Leaf(type, _three);
        }
        foreach (var resource in resources)
        {
            var o = (JsonObject)definitions[FullName(resource.Type)]!;
            o["x-kubernetes-group-version-kind"] = new JsonArray(Kind(resource));
        }
        return new JsonObject(definitions);
    }

    private JsonObject Definition(FieldSchema schema, Queue<string> open)
    {
        var properties = new JsonObject();
        foreach (var field in schema.Fields.OrderBy(f => f.Name, StringComparer.Ordinal))
        {
            var property = Property(field.Schema, open);
            if (Meaning(schema, field.Name) is { Length: > 0 } meaning)
                property["description"] = meaning;
            if (field.MergeKey is { } key)
            {
                property["x-kubernetes-patch-strategy"] = field.Name == "volumes" ? "merge,retainKeys" : "merge";
                if (key.Length > 0)
                    property["x-kubernetes-patch-merge-key"] = key;
            }
            else if (field.Schema.Type == "apps.v1.DeploymentStrategy")
                property["x-kubernetes-patch-strategy"] = "retainKeys"; // of a Deployment: no list, so not in the table
            if (field.MapKeys.Count > 0)
                (property["x-kubernetes-list-type"], property["x-kubernetes-list-map-keys"]) =
                    ("map", new JsonArray([.. field.MapKeys.Select(k => (JsonNode)k)]));
            else if (field.Schema.Shape == FieldShape.List)
                property["x-kubernetes-list-type"] = field.IsSet ? "set" : "atomic";
            if (field.IsAtomic)
                property["x-kubernetes-map-type"] = "atomic";
            properties[field.Name] = property;
        }
        var definition = new JsonObject { ["type"] = "object" };
        if (_meanings.GetValueOrDefault(schema.Type) is { Length: > 0 } what)
            definition["description"] = what;
        var required = schema.Fields.Where(f => f.IsRequired).Select(f => (JsonNode)f.Name).ToArray();
        if (required.Length > 0)
            definition["required"] = new JsonArray(required);
        definition["properties"] = properties;
        return definition;
    }

    /// <summary>A field of a type that stands inline has its meaning there.</summary>
    private string Meaning(FieldSchema schema, string field)
    {
        if (_meanings.TryGetValue($"{schema.Type}/{field}", out var meaning))
            return meaning;
        var inline = schema.WireFields.Where(f => f.Name.Length == 0).FirstOrDefault(f => f.Schema.Definition(field) is not null);
        return inline is null ? "" : Meaning(inline.Schema, field);
    }

    private JsonObject Property(FieldSchema schema, Queue<string> open)
    {
        switch (schema.Shape)
        {
            case FieldShape.List:
                return new() { ["type"] = "array", ["items"] = Property(schema.Element!, open) };
            case FieldShape.Map:
                return new() { ["type"] = "object", ["additionalProperties"] = Property(schema.Element!, open) };
            case FieldShape.Integer:
                return new() { ["type"] = "integer", ["format"] = schema.Type };
            case FieldShape.Float:
                return new() { ["type"] = "number", ["format"] = "double" };
            case FieldShape.Flag:
                return new() { ["type"] = "boolean" };
            case FieldShape.Text when schema.Type == "bytes":
                return new() { ["type"] = "string", ["format"] = "byte" };
            case FieldShape.Text when schema.Type is "string" or "Duration":
                return new() { ["type"] = "string" };
        }
        open.Enqueue(schema.Type);
        var reference = new JsonObject { ["$ref"] = $"#/{(_three ? "components/schemas" : "definitions")}/{FullName(schema.Type)}" };
        // Beside a $ref nothing else counts in OpenAPI 3.
        return _three ? new() { ["allOf"] = new JsonArray(reference) } : reference;
    }

    private static JsonObject Leaf(string type, bool three) => type switch
    {
        "IntOrString" when three => Either("int-or-string", "integer"),
        "Quantity" when three => Either("", "number"),
        "Time" or "MicroTime" => new() { ["type"] = "string", ["format"] = "date-time" },
        "IntOrString" => new() { ["type"] = "string", ["format"] = "int-or-string" },
        "Quantity" => new() { ["type"] = "string" },
        _ => new() { ["type"] = "object" },
    };

    private static JsonObject Either(string format, string type)
    {
        var leaf = new JsonObject { ["oneOf"] = new JsonArray(new JsonObject { ["type"] = type }, new JsonObject { ["type"] = "string" }) };
        if (format.Length > 0)
            leaf["format"] = format;
        return leaf;
    }

    private static string FullName(string type) => type switch
    {
        "Time" or "MicroTime" => $"io.k8s.apimachinery.pkg.apis.meta.v1.{type}",
        "Fields" => "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1",
        "IntOrString" => "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
        "Quantity" => "io.k8s.apimachinery.pkg.api.resource.Quantity",
        "Raw" => "io.k8s.apimachinery.pkg.runtime.RawExtension",
        _ when type.StartsWith("meta.", StringComparison.Ordinal) => $"io.k8s.apimachinery.pkg.apis.{type}",
        _ => $"io.k8s.api.{type}",
    };
}
