using System.Text.Json.Nodes;
using k8s.Models;

namespace Podnet.Local.ApiServer;

/// <summary>Validation of a container, wherever one stands (kubernetes pkg/apis/core/validation, validateContainerCommon).</summary>
internal static class ContainerRules
{
    private const string NotNegative = "must be greater than or equal to 0";
    private static readonly string[] Resources = ["cpu", "memory", "ephemeral-storage"];
    private static readonly string[] EnvironmentSources = ["configMapKeyRef", "fieldRef", "resourceFieldRef", "secretKeyRef"];

    /// <param name="names">Of the pod's containers before it; gets this one's.</param>
    public static void Validate(JsonObject container, string path, HashSet<string> names, ICollection<FieldError> errors)
    {
        var name = container.Text("name") ?? "";
        if (name.Length == 0)
            errors.Add(FieldError.Required($"{path}.name"));
        else if (NameRules.Label(name) is { } wrong)
            errors.Add(FieldError.Invalid($"{path}.name", name, wrong));
        else if (!names.Add(name))
            errors.Add(FieldError.Duplicate($"{path}.name", name));
        var image = container.Text("image") ?? "";
        if (image.Length == 0)
            errors.Add(FieldError.Required($"{path}.image"));
        else if (image.AsSpan().Trim().Length != image.Length)
            errors.Add(FieldError.Invalid($"{path}.image", image, "must not have leading or trailing whitespace"));
        ValidateProbes(container, path, errors);
        if (container.Text("terminationMessagePolicy") is not ("File" or "FallbackToLogsOnError") and var policy)
            errors.Add(FieldError.Unsupported($"{path}.terminationMessagePolicy", policy ?? "", "FallbackToLogsOnError", "File"));
        if (container.Text("imagePullPolicy") is not ("Always" or "IfNotPresent" or "Never") and var pull)
            errors.Add(FieldError.Unsupported($"{path}.imagePullPolicy", pull ?? "", "Always", "IfNotPresent", "Never"));
        ValidatePorts(container, path, errors);
        ValidateEnvironment(container, path, errors);
        ValidateResources(container["resources"], $"{path}.resources", errors);
    }

    private static void ValidateProbes(JsonObject container, string path, ICollection<FieldError> errors)
    {
        foreach (var hook in (ReadOnlySpan<string>)["postStart", "preStop"])
        {
            if (container.At("lifecycle", hook) is JsonObject handler)
                ValidateHandler(handler, $"{path}.lifecycle.{hook}", ["exec", "httpGet", "tcpSocket", "sleep"], errors);
        }
        foreach (var name in (ReadOnlySpan<string>)["livenessProbe", "readinessProbe", "startupProbe"])
        {
            if (container[name] is JsonObject probe)
                ValidateProbe(probe, name, $"{path}.{name}", errors);
        }
    }

    private static void ValidateProbe(JsonObject probe, string name, string path, ICollection<FieldError> errors)
    {
        ValidateHandler(probe, path, ["exec", "httpGet", "tcpSocket", "grpc"], errors);
        foreach (var field in (ReadOnlySpan<string>)["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"])
        {
            if (probe.Number(field) is < 0 and var number)
                errors.Add(FieldError.Invalid($"{path}.{field}", number, NotNegative));
        }
        if (name != "readinessProbe" && probe.Number("successThreshold") is not 1 and var successes)
            errors.Add(FieldError.Invalid($"{path}.successThreshold", successes, "must be 1"));
        if (probe.Number("terminationGracePeriodSeconds") is not { } grace)
            return;
        if (name == "readinessProbe")
            errors.Add(FieldError.Invalid($"{path}.terminationGracePeriodSeconds", grace, "must not be set for readinessProbes"));
        else if (grace <= 0)
            errors.Add(FieldError.Invalid($"{path}.terminationGracePeriodSeconds", grace, "must be greater than 0"));
    }

    /// <summary>What a probe or a hook does: exactly one thing.</summary>
    private static void ValidateHandler(JsonObject handler, string path, ReadOnlySpan<string> types, ICollection<FieldError> errors)
    {
        var found = 0;
        foreach (var type in types)
        {
            if (handler[type] is not JsonObject action)
                continue;
            if (found++ > 0)
                errors.Add(FieldError.Forbidden($"{path}.{type}", "may not specify more than 1 handler type"));
            else
                ValidateAction(type, action, $"{path}.{type}", errors);
        }
        if (found == 0)
            errors.Add(FieldError.Required(path, "must specify a handler type"));
    }

    private static void ValidateAction(string type, JsonObject action, string path, ICollection<FieldError> errors)
    {
        if (type == "exec" && !action.Texts("command").Any())
            errors.Add(FieldError.Required($"{path}.command"));
        if (type is "exec" or "sleep")
            return;
        if (type == "httpGet" && string.IsNullOrEmpty(action.Text("path")))
            errors.Add(FieldError.Required($"{path}.path"));
        if (action.Text("port") is { } name)
        {
            if (PortRules.NameError(name) is { } wrong)
                errors.Add(FieldError.Invalid($"{path}.port", name, wrong));
        }
        else if (!PortRules.IsValid(action.Number("port") ?? 0))
            errors.Add(FieldError.Invalid($"{path}.port", action.Number("port") ?? 0, PortRules.Range));
        if (type == "httpGet" && action.Text("scheme") is not ("HTTP" or "HTTPS") and var scheme)
            errors.Add(FieldError.Unsupported($"{path}.scheme", scheme ?? "", "HTTP", "HTTPS"));
    }

    private static void ValidatePorts(JsonObject container, string path, ICollection<FieldError> errors)
    {
        var (names, index) = (new HashSet<string>(StringComparer.Ordinal), 0);
        foreach (var port in container.Items("ports"))
        {
            var at = $"{path}.ports[{index++}]";
            if (port.Text("name") is { Length: > 0 } name)
            {
                if (PortRules.NameError(name) is { } wrong)
                    errors.Add(FieldError.Invalid($"{at}.name", name, wrong));
                else if (!names.Add(name))
                    errors.Add(FieldError.Duplicate($"{at}.name", name));
            }
            var number = port.Number("containerPort") ?? 0;
            if (number == 0)
                errors.Add(FieldError.Required($"{at}.containerPort"));
            else if (!PortRules.IsValid(number))
                errors.Add(FieldError.Invalid($"{at}.containerPort", number, PortRules.Range));
            if (port.Number("hostPort") is { } host and not 0 && !PortRules.IsValid(host))
                errors.Add(FieldError.Invalid($"{at}.hostPort", host, PortRules.Range));
            PortRules.ValidateProtocol(port, at, errors);
        }
    }

    private static void ValidateEnvironment(JsonObject container, string path, ICollection<FieldError> errors)
    {
        var index = 0;
        foreach (var variable in container.Items("env"))
        {
            var (name, at) = (variable.Text("name") ?? "", $"{path}.env[{index++}]");
            if (name.Length == 0)
                errors.Add(FieldError.Required($"{at}.name"));
            else if (name.Any(c => c is < ' ' or > '~' or '='))
            {
                errors.Add(FieldError.Invalid($"{at}.name", name,
                    "a valid environment variable name must consist only of printable ASCII characters other than '='"));
            }
            if (variable["valueFrom"] is not JsonObject source)
                continue;
            var sources = EnvironmentSources.Count(source.ContainsKey);
            if (sources == 0)
            {
                errors.Add(FieldError.Invalid($"{at}.valueFrom", "",
                    "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"));
            }
            else if (!string.IsNullOrEmpty(variable.Text("value")))
                errors.Add(FieldError.Invalid($"{at}.valueFrom", "", "may not be specified when `value` is not empty"));
            else if (sources > 1)
                errors.Add(FieldError.Invalid($"{at}.valueFrom", "", "may not have more than one field specified at a time"));
        }
    }

    /// <param name="resources">Its quantities are known to be such.</param>
    private static void ValidateResources(JsonNode? resources, string path, ICollection<FieldError> errors)
    {
        foreach (var list in (ReadOnlySpan<string>)["limits", "requests"])
        {
            foreach (var (name, quantity) in ObjectJson.StringMap(resources.At(list)))
            {
                if (!name.Contains('/', StringComparison.Ordinal) && !Resources.Contains(name) && !name.StartsWith("hugepages-", StringComparison.Ordinal))
                    errors.Add(FieldError.Invalid($"{path}.{list}[{name}]", name, "must be a standard resource type or fully qualified"));
                if (new ResourceQuantity(quantity).ToDecimal() < 0)
                    errors.Add(FieldError.Invalid($"{path}.{list}[{name}]", quantity, NotNegative));
            }
        }
        var requests = ObjectJson.StringMap(resources.At("requests"));
        foreach (var (name, limit) in ObjectJson.StringMap(resources.At("limits")))
        {
            if (requests.TryGetValue(name, out var request) && new ResourceQuantity(request).ToDecimal() > new ResourceQuantity(limit).ToDecimal())
                errors.Add(FieldError.Invalid($"{path}.requests", request, $"must be less than or equal to {name} limit of {limit}"));
        }
    }
}
