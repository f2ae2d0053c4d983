using Microsoft.AspNetCore.Http;
using Podnet.Core.Model;

namespace Podnet.Local.ApiServer;

/// <summary>What a path below /api or /apis names.</summary>
/// <param name="Namespace">Empty for all namespaces, and for kinds without one.</param>
/// <param name="Name">Null for the collection.</param>
/// <param name="Subresource">Empty for the object itself.</param>
internal sealed record ResourceRequest(ResourceDefinition Resource, string Namespace, string? Name, string Subresource)
{
    public ObjectName ObjectName => new(Resource.Namespaced ? Namespace : "", Name ?? "");

    /// <returns>Null where nothing is served.</returns>
    public static ResourceRequest? Parse(ReadOnlySpan<string> segments, ResourceTable table)
    {
        string group, version;
        switch (segments)
        {
            case ["api", var v, _, ..]:
                (group, version) = ("", v);
                segments = segments[2..];
                break;
            case ["apis", var g, var v, _, ..]:
                (group, version) = (g, v);
                segments = segments[3..];
                break;
            default:
                return null;
        }
        var @namespace = "";
        if (segments is ["namespaces", var named, not ("status" or "finalize"), ..])
        {
            @namespace = named;
            segments = segments[2..];
        }
        if (segments.Length > 3 || table.Find(group, version, segments[0]) is not { } resource)
            return null;
        var name = segments.Length > 1 ? segments[1] : null;
        var fits = resource.Namespaced ? @namespace.Length > 0 || name is null : @namespace.Length == 0;
        return fits ? new(resource, @namespace, name, segments.Length > 2 ? segments[2] : "") : null;
    }
}

/// <summary>The query parameters that all requests share.</summary>
internal static class RequestQuery
{
    public static bool Flag(this IQueryCollection query, string name) => query[name].ToString() is "true" or "1";

    public static long? Number(this IQueryCollection query, string name)
    {
        var text = query[name].ToString();
        if (text.Length == 0)
            return null;
        return long.TryParse(text, out var number) && number >= 0
            ? number
            : throw StatusException.BadRequest($"{name}: Invalid value: \"{text}\": must be a number that is not negative");
    }

    public static bool DryRun(this IQueryCollection query)
    {
        var values = query["dryRun"];
        if (values.Any(v => v is not ("All" or "")))
            throw StatusException.BadRequest($"invalid dryRun value \"{values}\": supported values: \"All\"");
        return values.Contains("All");
    }
}
