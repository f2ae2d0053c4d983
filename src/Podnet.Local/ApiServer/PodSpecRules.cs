using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

/// <summary>Defaults and validation of a pod's spec, wherever one stands (kubernetes pkg/apis/core/v1/defaults.go, validation.go).</summary>
internal static class PodSpecRules
{
    public static void Default(JsonObject spec)
    {
        spec.Default("restartPolicy", "Always");
        spec.Default("terminationGracePeriodSeconds", 30);
        spec.Default("dnsPolicy", "ClusterFirst");
        spec.Default("securityContext", new JsonObject());
        spec.Default("schedulerName", "default-scheduler");
        if (spec.Text("serviceAccountName") is { } account)
            spec.Default("serviceAccount", account);
        foreach (var volume in spec.Items("volumes"))
            DefaultVolume(volume);
        foreach (var container in spec.Items("initContainers").Concat(spec.Items("containers")))
            DefaultContainer(container);
    }

    private static void DefaultVolume(JsonObject volume)
    {
        const int readable = 420; // 0644
        if (volume.Count == 1)
            volume["emptyDir"] = new JsonObject();
        foreach (var name in (ReadOnlySpan<string>)["configMap", "secret", "projected", "downwardAPI"])
        {
            if (volume[name] is JsonObject source)
                source.Default("defaultMode", readable);
        }
        foreach (var token in volume["projected"].Items("sources").Select(source => source["serviceAccountToken"]).OfType<JsonObject>())
            token.Default("expirationSeconds", 3600);
    }

    private static void DefaultContainer(JsonObject container)
    {
        container.Default("resources", new JsonObject());
        container.Default("terminationMessagePath", "/dev/termination-log");
        container.Default("terminationMessagePolicy", "File");
        var image = container.Text("image") ?? "";
        var latest = image.EndsWith(":latest", StringComparison.Ordinal)
            || !image[(image.LastIndexOf('/') + 1)..].AsSpan().ContainsAny(':', '@');
        container.Default("imagePullPolicy", latest ? "Always" : "IfNotPresent");
        foreach (var port in container.Items("ports"))
            port.Default("protocol", "TCP");
        foreach (var name in (ReadOnlySpan<string>)["livenessProbe", "readinessProbe", "startupProbe"])
        {
            if (container[name] is not JsonObject probe)
                continue;
            probe.Default("timeoutSeconds", 1);
            probe.Default("periodSeconds", 10);
            probe.Default("successThreshold", 1);
            probe.Default("failureThreshold", 3);
            if (probe["grpc"] is JsonObject grpc)
                grpc.Default("service", "");
            if (probe["httpGet"] is not JsonObject http)
                continue;
            http.Default("path", "/");
            http.Default("scheme", "HTTP");
        }
    }

    /// <param name="path">"spec", or "spec.template.spec".</param>
    public static void Validate(JsonNode? spec, string path, ICollection<FieldError> errors)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        if (!spec.Items("containers").Any())
            errors.Add(FieldError.Required($"{path}.containers"));
        foreach (var list in (ReadOnlySpan<string>)["initContainers", "containers"])
        {
            var index = 0;
            foreach (var container in spec.Items(list))
                ContainerRules.Validate(container, $"{path}.{list}[{index++}]", names, errors);
        }
        ValidateVolumes(spec, path, errors);
        PodPlacementRules.Validate(spec, path, errors);
        if (spec.Number("activeDeadlineSeconds") is < 1 or > int.MaxValue)
            errors.Add(FieldError.Invalid($"{path}.activeDeadlineSeconds", spec.Number("activeDeadlineSeconds"), "must be between 1 and 2147483647, inclusive"));
        if (spec.Text("restartPolicy") is not ("Always" or "OnFailure" or "Never") and var restart)
            errors.Add(FieldError.Unsupported($"{path}.restartPolicy", restart ?? "", "Always", "OnFailure", "Never"));
        if (spec.Text("dnsPolicy") is not ("ClusterFirst" or "ClusterFirstWithHostNet" or "Default" or "None") and var dns)
            errors.Add(FieldError.Unsupported($"{path}.dnsPolicy", dns ?? "", "ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"));
        if (spec.Number("terminationGracePeriodSeconds") is < 0 and var grace)
            errors.Add(FieldError.Invalid($"{path}.terminationGracePeriodSeconds", grace, "must be greater than or equal to 0"));
        if (spec.Text("nodeName") is { Length: > 0 } node && NameRules.Subdomain(node) is { } wrongNode)
            errors.Add(FieldError.Invalid($"{path}.nodeName", node, wrongNode));
        if (spec.Text("hostname") is { Length: > 0 } host && NameRules.Label(host) is { } wrongHost)
            errors.Add(FieldError.Invalid($"{path}.hostname", host, wrongHost));
        if (spec.Text("subdomain") is { Length: > 0 } subdomain && NameRules.Label(subdomain) is { } wrongSubdomain)
            errors.Add(FieldError.Invalid($"{path}.subdomain", subdomain, wrongSubdomain));
    }

    /// <summary>A pod template at spec.template, of a workload.</summary>
    public static void ValidateTemplate(JsonNode? template, ICollection<FieldError> errors)
    {
        PodPlacementRules.ValidateLabels(template.At("metadata", "labels"), "spec.template.labels", errors);
        Validate(template.At("spec"), "spec.template.spec", errors);
    }

    private static void ValidateVolumes(JsonNode? spec, string path, ICollection<FieldError> errors)
    {
        var (volumes, index) = (new HashSet<string>(StringComparer.Ordinal), 0);
        foreach (var volume in spec.Items("volumes"))
        {
            var (name, at) = (volume.Text("name") ?? "", $"{path}.volumes[{index++}]");
            if (name.Length == 0)
                errors.Add(FieldError.Required($"{at}.name"));
            else if (NameRules.Label(name) is { } wrong)
                errors.Add(FieldError.Invalid($"{at}.name", name, wrong));
            else if (!volumes.Add(name))
                errors.Add(FieldError.Duplicate($"{at}.name", name));
            if (volume.Count > 2)
                errors.Add(FieldError.Forbidden($"{at}.{volume.Last().Key}", "may not specify more than 1 volume type"));
            ValidateTokens(volume["projected"], $"{at}.projected", errors);
        }
        foreach (var list in (ReadOnlySpan<string>)["initContainers", "containers"])
        {
            index = 0;
            foreach (var container in spec.Items(list))
                ValidateMounts(container, $"{path}.{list}[{index++}]", volumes, errors);
        }
    }

    private static void ValidateTokens(JsonNode? projected, string path, ICollection<FieldError> errors)
    {
        var index = 0;
        foreach (var source in projected.Items("sources"))
        {
            var at = $"{path}.sources[{index++}].serviceAccountToken";
            if (source["serviceAccountToken"] is not JsonObject token)
                continue;
            if (string.IsNullOrEmpty(token.Text("path")))
                errors.Add(FieldError.Required($"{at}.path"));
            if (token.Number("expirationSeconds") < 600)
                errors.Add(FieldError.Invalid($"{at}.expirationSeconds", token["expirationSeconds"]!.DeepClone(), "may not specify a duration less than 10 minutes"));
        }
    }

    private static void ValidateMounts(JsonObject container, string path, HashSet<string> volumes, ICollection<FieldError> errors)
    {
        var (paths, index) = (new HashSet<string>(StringComparer.Ordinal), 0);
        foreach (var mount in container.Items("volumeMounts"))
        {
            var at = $"{path}.volumeMounts[{index++}]";
            var (name, mountPath) = (mount.Text("name") ?? "", mount.Text("mountPath") ?? "");
            if (name.Length == 0)
                errors.Add(FieldError.Required($"{at}.name"));
            else if (!volumes.Contains(name))
                errors.Add(FieldError.NotFound($"{at}.name", name));
            if (mountPath.Length == 0)
                errors.Add(FieldError.Required($"{at}.mountPath"));
            else if (!paths.Add(mountPath))
                errors.Add(FieldError.Invalid($"{at}.mountPath", mountPath, "must be unique"));
        }
    }
}

/// <summary>What holds for the number, protocol and name of every port.</summary>
internal static class PortRules
{
    public const string Range = "must be between 1 and 65535, inclusive";

    public static bool IsValid(long port) => port is >= 1 and <= 65535;

    public static void ValidateProtocol(JsonObject port, string path, ICollection<FieldError> errors)
    {
        if (port.Text("protocol") is not ("SCTP" or "TCP" or "UDP") and var protocol)
            errors.Add(FieldError.Unsupported($"{path}.protocol", protocol ?? "", "SCTP", "TCP", "UDP"));
    }

    /// <summary>RFC 6335 section 5.1: an IANA service name.</summary>
    public static string? NameError(string name)
    {
        if (name.Length > 15)
            return "must be no more than 15 characters";
        if (!name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-'))
            return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
        if (!name.Any(char.IsAsciiLetterLower))
            return "must contain at least one letter (a-z)";
        if (name.Contains("--", StringComparison.Ordinal))
            return "must not contain consecutive hyphens";
        return name[0] == '-' || name[^1] == '-' ? "must not begin or end with a hyphen" : null;
    }
}
