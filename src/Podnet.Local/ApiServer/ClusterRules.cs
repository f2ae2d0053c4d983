using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

internal sealed class NamespaceRules : ResourceRules
{
    public override IReadOnlyList<string> SelectableFields { get; } = ["status.phase"];

    public override string? NameError(string name) => NameRules.Label(name);

    public override void Begin(JsonObject created)
    {
        created["status"] = new JsonObject { ["phase"] = "Active" };
        created["spec"] = new JsonObject { ["finalizers"] = new JsonArray("kubernetes") };
    }

    public override bool MayGo(JsonObject deleted) => !deleted["spec"].Texts("finalizers").Any();

    public override void Default(JsonObject written)
    {
        // What selects namespaces by name counts on this label (KEP-2161).
        written.Child("metadata").Child("labels")["kubernetes.io/metadata.name"] = written.Text("metadata", "name");
    }
}

internal sealed class NodeRules : ResourceRules
{
    public override IReadOnlyList<string> SelectableFields { get; } = ["spec.unschedulable"];

    /// <summary>A kubelet says all about its node when it registers it.</summary>
    public override void Begin(JsonObject created)
    {
    }

    public override void Default(JsonObject written)
    {
        written.Child("spec");
        written.Child("status");
    }

    public override void Validate(JsonObject written, JsonObject? before, ICollection<FieldError> errors)
    {
        var index = 0;
        foreach (var cidr in written["spec"].Texts("podCIDRs"))
        {
            if (!IPNetwork.TryParse(cidr, out _))
                errors.Add(FieldError.Invalid($"spec.podCIDRs[{index}]", cidr, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"));
            index++;
        }
        var had = before?["spec"].Texts("podCIDRs").ToList();
        if (had is { Count: > 0 } && !had.SequenceEqual(written["spec"].Texts("podCIDRs")))
            errors.Add(FieldError.Forbidden("spec.podCIDRs", "node updates may not change podCIDR except from \"\" to valid"));
    }
}

internal sealed class EndpointSliceRules : ResourceRules
{
    public override void Default(JsonObject written)
    {
        written.Default("endpoints", new JsonArray());
        foreach (var port in written.Items("ports"))
        {
            port.Default("name", "");
            port.Default("protocol", "TCP");
        }
    }

    public override void Validate(JsonObject written, JsonObject? before, ICollection<FieldError> errors)
    {
        var type = written.Text("addressType");
        if (string.IsNullOrEmpty(type))
            errors.Add(FieldError.Required("addressType"));
        else if (type is not ("FQDN" or "IPv4" or "IPv6"))
            errors.Add(FieldError.Unsupported("addressType", type, "FQDN", "IPv4", "IPv6"));
        if (before is not null && type != before.Text("addressType"))
            errors.Add(FieldError.Invalid("addressType", type, "field is immutable"));
        var index = 0;
        foreach (var endpoint in written.Items("endpoints"))
            ValidateEndpoint(endpoint, type, $"endpoints[{index++}]", errors);
        index = 0;
        foreach (var port in written.Items("ports"))
        {
            PortRules.ValidateProtocol(port, $"ports[{index}]", errors);
            if (port.Number("port") is { } number && !PortRules.IsValid(number))
                errors.Add(FieldError.Invalid($"ports[{index}].port", number, PortRules.Range));
            index++;
        }
    }

    private static void ValidateEndpoint(JsonObject endpoint, string? type, string path, ICollection<FieldError> errors)
    {
        var addresses = endpoint.Texts("addresses").ToList();
        if (addresses.Count == 0)
            errors.Add(FieldError.Required($"{path}.addresses", "must contain at least 1 address"));
        var family = type switch
        {
            "IPv4" => AddressFamily.InterNetwork,
            "IPv6" => AddressFamily.InterNetworkV6,
            _ => (AddressFamily?)null,
        };
        for (var i = 0; family is not null && i < addresses.Count; i++)
        {
            if (!IPAddress.TryParse(addresses[i], out var address) || address.AddressFamily != family)
                errors.Add(FieldError.Invalid($"{path}.addresses[{i}]", addresses[i], $"must be an {type} address"));
        }
    }
}

internal sealed class ConfigMapRules : ResourceRules
{
    public override void Validate(JsonObject written, JsonObject? before, ICollection<FieldError> errors)
    {
        var size = 0L;
        foreach (var part in (ReadOnlySpan<string>)["data", "binaryData"])
        {
            foreach (var (_, value) in ObjectJson.StringMap(written[part]))
                size += System.Text.Encoding.UTF8.GetByteCount(value);
            foreach (var (key, _) in ObjectJson.StringMap(written[part]))
            {
                if (NameRules.DataKey(key) is { } wrong)
                    errors.Add(FieldError.Invalid($"{part}[{key}]", key, wrong));
                else if (part == "binaryData" && written["data"] is JsonObject texts && texts.ContainsKey(key))
                    errors.Add(FieldError.Invalid($"data[{key}]", key, "duplicate of key present in binaryData"));
            }
        }
        if (size > SecretRules.MaxSize)
            errors.Add(new("[]", "FieldValueTooLong", $"Too long: may not be more than {SecretRules.MaxSize} bytes"));
        if (before is not null)
        {
            ValidateImmutable(written, before, "data", errors);
            ValidateImmutable(written, before, "binaryData", errors);
        }
    }

    internal static void ValidateImmutable(JsonObject written, JsonObject before, string part, ICollection<FieldError> errors)
    {
        if (!before.Flag("immutable"))
            return;
        if (!written.Flag("immutable") && part == "data")
            errors.Add(FieldError.Forbidden("immutable", "field is immutable when `immutable` is set"));
        if (!JsonNode.DeepEquals(written[part], before[part]))
            errors.Add(FieldError.Forbidden(part, "field is immutable when `immutable` is set"));
    }
}

internal sealed class EventRules : ResourceRules
{
    public override IReadOnlyList<string> SelectableFields { get; } =
    [
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid", "involvedObject.apiVersion",
        "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type",
    ];

    public override void Validate(JsonObject written, JsonObject? before, ICollection<FieldError> errors)
    {
        if (written["involvedObject"] is not JsonObject involved)
            errors.Add(FieldError.Required("involvedObject"));
        else if (involved.Text("namespace") is { Length: > 0 } of && of != written.Text("metadata", "namespace"))
            errors.Add(FieldError.Invalid("involvedObject.namespace", of, "does not match event.namespace"));
    }
}
