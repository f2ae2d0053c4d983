using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

/// <summary>A request that fails, as Kubernetes' Status says it (api-conventions, "Response Status Kind").</summary>
/// <param name="code">HTTP status.</param>
/// <param name="reason">One of Kubernetes' StatusReason words.</param>
/// <param name="details">name, group, kind, causes, retryAfterSeconds; null for none.</param>
public sealed class StatusException(int code, string reason, string message, JsonObject? details = null) : Exception(message)
{
    public int Code { get; } = code;

    public string Reason { get; } = reason;

    public JsonObject ToStatus()
    {
        var status = new JsonObject
        {
            ["kind"] = "Status",
            ["apiVersion"] = "v1",
            ["metadata"] = new JsonObject(),
            ["status"] = "Failure",
            ["message"] = Message,
        };
        if (Reason.Length > 0)
            status["reason"] = Reason;
        if (details is not null)
            status["details"] = details.DeepClone();
        status["code"] = Code;
        return status;
    }

    public static StatusException BadRequest(string message) => new(400, "BadRequest", message);

    public static StatusException Unauthorized() => new(401, "Unauthorized", "Unauthorized");

    /// <summary>An object that is not there.</summary>
    public static StatusException NotFound(ResourceDefinition resource, string name) =>
        new(404, "NotFound", $"{resource.Qualified} \"{name}\" not found", Details(resource, name));

    /// <summary>A path at which nothing is served.</summary>
    public static StatusException NoSuchResource() =>
        new(404, "NotFound", "the server could not find the requested resource", []);

    public static StatusException MethodNotAllowed() =>
        new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", []);

    public static StatusException AlreadyExists(ResourceDefinition resource, string name) =>
        new(409, "AlreadyExists", $"{resource.Qualified} \"{name}\" already exists", Details(resource, name));

    public static StatusException Conflict(ResourceDefinition resource, string name, string why) =>
        new(409, "Conflict", $"Operation cannot be fulfilled on {resource.Qualified} \"{name}\": {why}", Details(resource, name));

    /// <summary>A server-side apply that would change what others own.</summary>
    internal static StatusException ApplyConflict(IReadOnlyList<FieldConflict> conflicts)
    {
        var causes = new JsonArray([.. conflicts.Select(c => (JsonNode)new JsonObject
        {
            ["reason"] = "FieldManagerConflict", ["message"] = $"conflict with {c.Manager}", ["field"] = c.Path,
        })]);
        var what = conflicts is [var one]
            ? $"1 conflict: conflict with {one.Manager}: {one.Path}"
            : $"{conflicts.Count} conflicts: " + string.Join('\n', conflicts.GroupBy(c => c.Manager).OrderBy(g => g.Key, StringComparer.Ordinal)
                .SelectMany(g => g.Select(c => $"- {c.Path}").Prepend($"conflicts with {g.Key}:")));
        return new(409, "Conflict", $"Apply failed with {what}", new JsonObject { ["causes"] = causes });
    }

    public static StatusException Forbidden(ResourceDefinition resource, string name, string why) =>
        new(403, "Forbidden", $"{resource.Qualified} \"{name}\" is forbidden: {why}", Details(resource, name));

    /// <summary>A watch or a page of a list that goes on from a state which is no longer known.</summary>
    public static StatusException Expired(string message) => new(410, "Expired", message);

    public static StatusException TooLarge(long limit) => TooLarge($"limit is {limit}");

    public static StatusException TooLarge(string why) => new(413, "RequestEntityTooLarge", $"Request entity too large: {why}");

    /// <summary>Clients come again by themselves.</summary>
    public static StatusException TooManyRequests() => new(
        429, "TooManyRequests", "the server has received too many requests and has asked us to try again later",
        new JsonObject { ["retryAfterSeconds"] = 1 });

    public static StatusException UnsupportedMediaType(params ReadOnlySpan<string> accepted) =>
        new(415, "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: " + string.Join(", ", accepted));

    internal static StatusException Invalid(ResourceDefinition resource, string name, FieldErrors errors)
    {
        var causes = new JsonArray();
        foreach (var error in errors)
        {
            causes.Add((JsonNode)new JsonObject
            {
                ["reason"] = error.Reason,
                ["message"] = error.WithoutField,
                ["field"] = error.Field,
            });
        }
        var details = new JsonObject { ["name"] = name };
        if (resource.Group.Length > 0)
            details["group"] = resource.Group;
        details["kind"] = resource.Kind;
        details["causes"] = causes;
        var more = errors.More > 0 ? $", and {errors.More} more" : "";
        var all = errors.Count == 1 ? errors[0].ToString() : $"[{string.Join(", ", errors)}{more}]";
        var kind = resource.Group.Length > 0 ? $"{resource.Kind}.{resource.Group}" : resource.Kind;
        return new(422, "Invalid", $"{kind} \"{name}\" is invalid: {all}", details);
    }

    private static JsonObject Details(ResourceDefinition resource, string name)
    {
        var details = new JsonObject { ["name"] = name };
        if (resource.Group.Length > 0)
            details["group"] = resource.Group;
        details["kind"] = resource.Plural;
        return details;
    }
}

/// <summary>What is wrong with one field, in the words of Kubernetes' validation/field package.</summary>
/// <param name="Reason">FieldValueInvalid, FieldValueRequired …</param>
/// <param name="WithoutField">"Invalid value: 70000: must be between 1 and 65535, inclusive".</param>
public sealed record FieldError(string Field, string Reason, string WithoutField)
{
    public static FieldError Invalid(string field, JsonNode? value, string why) =>
        new(field, "FieldValueInvalid", $"Invalid value: {ObjectJson.ToText(value)}: {why}");

    internal static FieldError Invalid(string field, GoSyntax value, string why) =>
        new(field, "FieldValueInvalid", $"Invalid value: {value.Text}: {why}");

    public static FieldError Required(string field, string why = "") =>
        new(field, "FieldValueRequired", why.Length == 0 ? "Required value" : $"Required value: {why}");

    public static FieldError NotFound(string field, JsonNode value) =>
        new(field, "FieldValueNotFound", $"Not found: {ObjectJson.ToText(value)}");

    public static FieldError Duplicate(string field, JsonNode value) =>
        new(field, "FieldValueDuplicate", $"Duplicate value: {ObjectJson.ToText(value)}");

    internal static FieldError Duplicate(string field, GoSyntax value) => new(field, "FieldValueDuplicate", $"Duplicate value: {value.Text}");

    public static FieldError Forbidden(string field, string why) => new(field, "FieldValueForbidden", $"Forbidden: {why}");

    public static FieldError Unsupported(string field, string value, params ReadOnlySpan<string> supported)
    {
        var list = string.Join(", ", supported.ToArray().Select(s => $"\"{s}\""));
        return new(field, "FieldValueNotSupported", $"Unsupported value: \"{value}\": supported values: {list}");
    }

    public override string ToString() => $"{Field}: {WithoutField}";
}
