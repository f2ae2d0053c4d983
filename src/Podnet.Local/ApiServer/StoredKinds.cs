using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

internal sealed class SecretRules : ResourceRules
{
    private const string Opaque = "Opaque";

    /// <summary>A token that never ends, of the account that an annotation names; a controller fills it.</summary>
    internal const string AccountToken = "kubernetes.io/service-account-token", AccountName = "kubernetes.io/service-account.name";

    /// <summary>Bytes of all values together (core.MaxSecretSize); a ConfigMap's limit, too.</summary>
    internal const int MaxSize = 1024 * 1024;

    public override IReadOnlyList<string> SelectableFields { get; } = ["type"];

    public override void Default(JsonObject written)
    {
        written.Default("type", Opaque);
        if (written["stringData"] is not JsonObject texts)
            return;
        // Write-only: "it will be merged into data".
        foreach (var (key, value) in texts)
            written.Child("data")[key] = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(value?.GetValue<string>() ?? ""));
        written.Remove("stringData");
    }

    public override void Validate(JsonObject written, JsonObject? before, ICollection<FieldError> errors)
    {
        var size = 0L;
        foreach (var (key, value) in ObjectJson.StringMap(written["data"]))
        {
            if (NameRules.DataKey(key) is { } wrong)
                errors.Add(FieldError.Invalid($"data[{key}]", key, wrong));
            size += value.Length / 4 * 3;
        }
        if (size > MaxSize)
            errors.Add(new("data", "FieldValueTooLong", $"Too long: may not be more than {MaxSize} bytes"));
        foreach (var key in RequiredKeys(written.Text("type")))
        {
            if (written.At("data", key) is null)
                errors.Add(FieldError.Required($"data[{key}]"));
        }
        if (written.Text("type") == AccountToken && string.IsNullOrEmpty(written.Text("metadata", "annotations", AccountName)))
            errors.Add(FieldError.Required($"metadata.annotations[{AccountName}]"));
        if (before is null)
            return;
        if (written.Text("type") != before.Text("type"))
            errors.Add(FieldError.Invalid("type", written.Text("type"), "field is immutable"));
        ConfigMapRules.ValidateImmutable(written, before, "data", errors);
    }

    private static string[] RequiredKeys(string? type) => type switch
    {
        "kubernetes.io/tls" => ["tls.crt", "tls.key"],
        "kubernetes.io/dockerconfigjson" => [".dockerconfigjson"],
        "kubernetes.io/ssh-auth" => ["ssh-privatekey"],
        _ => [],
    };
}

internal sealed class NetworkPolicyRules : ResourceRules
{
    public override void Default(JsonObject written)
    {
        var spec = written.Child("spec");
        spec.Child("podSelector");
        if (!spec.Texts("policyTypes").Any())
            spec["policyTypes"] = spec["egress"] is null ? new JsonArray("Ingress") : new JsonArray("Ingress", "Egress");
        foreach (var port in spec.Items("ingress").Concat(spec.Items("egress")).SelectMany(rule => rule.Items("ports")))
            port.Default("protocol", "TCP");
    }

    public override void Validate(JsonObject written, JsonObject? before, ICollection<FieldError> errors)
    {
        var index = 0;
        foreach (var type in written["spec"].Texts("policyTypes"))
        {
            if (type is not ("Ingress" or "Egress"))
                errors.Add(FieldError.Unsupported($"spec.policyTypes[{index}]", type, "Egress", "Ingress"));
            index++;
        }
    }
}

internal sealed class IngressRules : ResourceRules
{
    public override void Begin(JsonObject created) => created["status"] = new JsonObject { ["loadBalancer"] = new JsonObject() };

    public override void Default(JsonObject written) => written.Child("spec");

    public override void Validate(JsonObject written, JsonObject? before, ICollection<FieldError> errors)
    {
        var spec = written["spec"];
        if (!spec.Items("rules").Any() && spec.At("defaultBackend") is null)
            errors.Add(FieldError.Invalid("spec", spec, "either `defaultBackend` or `rules` must be specified"));
        if (spec.At("defaultBackend") is JsonObject fallback)
            ValidateBackend(fallback, "spec.defaultBackend", errors);
        var rule = 0;
        foreach (var item in spec.Items("rules"))
        {
            if (item.Text("host") is { Length: > 0 } host && !host.StartsWith("*.", StringComparison.Ordinal) && NameRules.Subdomain(host) is { } wrong)
                errors.Add(FieldError.Invalid($"spec.rules[{rule}].host", host, wrong));
            var index = 0;
            foreach (var path in item["http"].Items("paths"))
                ValidatePath(path, $"spec.rules[{rule}].http.paths[{index++}]", errors);
            rule++;
        }
    }

    private static void ValidatePath(JsonObject path, string at, ICollection<FieldError> errors)
    {
        var type = path.Text("pathType");
        if (string.IsNullOrEmpty(type))
            errors.Add(FieldError.Required($"{at}.pathType", "pathType must be specified"));
        else if (type is not ("Exact" or "Prefix" or "ImplementationSpecific"))
            errors.Add(FieldError.Unsupported($"{at}.pathType", type, "Exact", "ImplementationSpecific", "Prefix"));
        else if (type != "ImplementationSpecific" && path.Text("path")?.StartsWith('/') != true)
            errors.Add(FieldError.Invalid($"{at}.path", path.Text("path") ?? "", "must be an absolute path"));
        if (path["backend"] is JsonObject backend)
            ValidateBackend(backend, $"{at}.backend", errors);
    }

    private static void ValidateBackend(JsonObject backend, string at, ICollection<FieldError> errors)
    {
        if (backend["service"] is not JsonObject service)
            return;
        if (string.IsNullOrEmpty(service.Text("name")))
            errors.Add(FieldError.Required($"{at}.service.name"));
        if (service.At("port", "number") is null && string.IsNullOrEmpty(service.Text("port", "name")))
            errors.Add(FieldError.Required($"{at}.service.port", "port name or number is required"));
    }
}

internal sealed class EndpointsRules : ResourceRules
{
    public override void Default(JsonObject written)
    {
        foreach (var port in written.Items("subsets").SelectMany(subset => subset.Items("ports")))
            port.Default("protocol", "TCP");
    }

    public override void Validate(JsonObject written, JsonObject? before, ICollection<FieldError> errors)
    {
        var index = 0;
        foreach (var subset in written.Items("subsets"))
        {
            var at = $"subsets[{index++}]";
            if (!subset.Items("addresses").Any() && !subset.Items("notReadyAddresses").Any())
                errors.Add(FieldError.Required(at, "must specify `addresses` or `notReadyAddresses`"));
            foreach (var list in (ReadOnlySpan<string>)["addresses", "notReadyAddresses"])
            {
                var i = 0;
                foreach (var address in subset.Items(list))
                {
                    if (!System.Net.IPAddress.TryParse(address.Text("ip"), out _))
                        errors.Add(FieldError.Invalid($"{at}.{list}[{i}].ip", address.Text("ip") ?? "", "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"));
                    i++;
                }
            }
            var p = 0;
            foreach (var port in subset.Items("ports"))
            {
                if (!PortRules.IsValid(port.Number("port") ?? 0))
                    errors.Add(FieldError.Invalid($"{at}.ports[{p}].port", port.Number("port") ?? 0, PortRules.Range));
                PortRules.ValidateProtocol(port, $"{at}.ports[{p}]", errors);
                p++;
            }
        }
    }
}

internal sealed class LeaseRules : ResourceRules
{
    public override void Default(JsonObject written) => written.Child("spec");
}
