using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

/// <summary>Kubernetes' ValidateService, for the fields that this server acts on.</summary>
internal static class ServiceValidation
{
    public static void Validate(JsonNode? spec, JsonNode? before, ICollection<FieldError> errors)
    {
        var type = spec.Text("type") ?? "";
        if (type is not ("ClusterIP" or "ExternalName" or "LoadBalancer" or "NodePort"))
            errors.Add(FieldError.Unsupported("spec.type", type, "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"));
        var headless = spec.Text("clusterIP") == "None";
        if (type is "NodePort" or "LoadBalancer" && headless)
            errors.Add(FieldError.Invalid("spec.clusterIPs[0]", "None", $"may not be set to 'None' for {type} services"));
        ValidatePorts(spec, required: !headless && type != "ExternalName", errors);
        if (type == "ExternalName")
            ValidateExternalName(spec.Text("externalName")?.TrimEnd('.') ?? "", errors);
        PodPlacementRules.ValidateLabels(spec.At("selector"), "spec.selector", errors);
        ValidateWord(spec, "sessionAffinity", ["ClientIP", "None"], errors);
        ValidateWord(spec, "internalTrafficPolicy", ["Cluster", "Local"], errors);
        ValidateWord(spec, "externalTrafficPolicy", ["Cluster", "Local"], errors);
        ValidateWord(spec, "ipFamilyPolicy", ["PreferDualStack", "RequireDualStack", "SingleStack"], errors);
        if (spec.Number("sessionAffinityConfig", "clientIP", "timeoutSeconds") is < 1 or > 86400)
        {
            errors.Add(FieldError.Invalid("spec.sessionAffinityConfig.clientIP.timeoutSeconds",
                spec.Number("sessionAffinityConfig", "clientIP", "timeoutSeconds"), "must be greater than 0 and less than 86400"));
        }
        ValidateExternalIPs(spec, errors);
        var had = before.Texts("clusterIPs").ToList();
        var has = spec.Texts("clusterIPs").ToList();
        if (had.Count > 0 && has.Count > 0 && had[0] != has[0] && before.Text("type") != "ExternalName")
            errors.Add(FieldError.Invalid("spec.clusterIPs[0]", GoSyntax.Strings(has), "may not change once set"));
    }

    private static void ValidatePorts(JsonNode? spec, bool required, ICollection<FieldError> errors)
    {
        var ports = spec.Items("ports").ToList();
        if (ports.Count == 0 && required)
            errors.Add(FieldError.Required("spec.ports"));
        var names = new HashSet<string>(StringComparer.Ordinal);
        var seen = new HashSet<(long?, string?)>();
        for (var i = 0; i < ports.Count; i++)
        {
            var (port, path) = (ports[i], $"spec.ports[{i}]");
            var name = port.Text("name") ?? "";
            if (name.Length == 0 && ports.Count > 1)
                errors.Add(FieldError.Required($"{path}.name"));
            else if (name.Length > 0 && NameRules.Label(name) is { } wrong)
                errors.Add(FieldError.Invalid($"{path}.name", name, wrong));
            else if (name.Length > 0 && !names.Add(name))
                errors.Add(FieldError.Duplicate($"{path}.name", name));
            if (!PortRules.IsValid(port.Number("port") ?? 0))
                errors.Add(FieldError.Invalid($"{path}.port", port.Number("port") ?? 0, PortRules.Range));
            PortRules.ValidateProtocol(port, path, errors);
            ValidateTargetPort(port, path, errors);
            if (!seen.Add((port.Number("port"), port.Text("protocol"))))
                errors.Add(FieldError.Duplicate(path, GoSyntax.ServicePort(port.Number("port"), port.Text("protocol"))));
        }
    }

    private static void ValidateTargetPort(JsonObject port, string path, ICollection<FieldError> errors)
    {
        if (port.Number("targetPort") is { } number && !PortRules.IsValid(number))
            errors.Add(FieldError.Invalid($"{path}.targetPort", number, PortRules.Range));
        if (port.Text("targetPort") is { } name && PortRules.NameError(name) is { } wrong)
            errors.Add(FieldError.Invalid($"{path}.targetPort", name, wrong));
    }

    private static void ValidateExternalName(string name, ICollection<FieldError> errors)
    {
        if (name.Length == 0)
            errors.Add(FieldError.Required("spec.externalName"));
        else if (NameRules.Subdomain(name) is { } wrong)
            errors.Add(FieldError.Invalid("spec.externalName", name, wrong));
    }

    private static void ValidateExternalIPs(JsonNode? spec, ICollection<FieldError> errors)
    {
        var index = 0;
        foreach (var address in spec.Texts("externalIPs"))
        {
            if (!System.Net.IPAddress.TryParse(address, out var ip))
                errors.Add(FieldError.Invalid($"spec.externalIPs[{index}]", address, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"));
            else if (WhyNotExternal(ip) is { } why)
                errors.Add(FieldError.Invalid($"spec.externalIPs[{index}]", address, why));
            index++;
        }
    }

    /// <summary>ValidateNonSpecialIP: where no packet from elsewhere can come to.</summary>
    private static string? WhyNotExternal(System.Net.IPAddress ip) => ip switch
    {
        _ when ip.Equals(System.Net.IPAddress.Any) || ip.Equals(System.Net.IPAddress.IPv6Any) => "may not be unspecified (0.0.0.0 or ::)",
        _ when System.Net.IPAddress.IsLoopback(ip) => "may not be in the loopback range (127.0.0.0/8, ::1/128)",
        _ when ip.IsIPv6LinkLocal || ip.ToString().StartsWith("169.254.", StringComparison.Ordinal) =>
            "may not be in the link-local range (169.254.0.0/16, fe80::/10)",
        _ when ip.ToString().StartsWith("224.0.0.", StringComparison.Ordinal) =>
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
        _ => null,
    };

    private static void ValidateWord(JsonNode? spec, string field, ReadOnlySpan<string> supported, ICollection<FieldError> errors)
    {
        if (spec.Text(field) is { Length: > 0 } word && !supported.Contains(word))
            errors.Add(FieldError.Unsupported($"spec.{field}", word, supported));
    }
}
