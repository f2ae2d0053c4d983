using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Podnet.Local.ApiServer;

/// <summary>What is served, as clients ask for it: /api, /apis and below, aggregated or one by one, and /version.</summary>
internal sealed class Discovery(ResourceTable table)
{
    /// <summary>The Kubernetes release whose API this is; clients compare it with their own.</summary>
    public const string Minor = "32";
    public const string GitVersion = "v1.32.4+podnet";

    private static readonly string[] Verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    private static readonly string[] StatusVerbs = ["get", "patch", "update"];

    public Task AnswerAsync(HttpContext http, string path)
    {
        var aggregated = AcceptsAggregated(http.Request);
        switch (path.Trim('/').Split('/'))
        {
            case ["version"]:
                return http.Response.Json(200, Version());
            case ["api"] when aggregated:
                return AggregatedAsync(http, g => g.Length == 0);
            case ["apis"] when aggregated:
                return AggregatedAsync(http, g => g.Length > 0);
            case ["api"]:
                return http.Response.Json(200, new JsonObject { ["kind"] = "APIVersions", ["versions"] = new JsonArray("v1") });
            case ["apis"]:
                return http.Response.Json(200, new JsonObject
                {
                    ["kind"] = "APIGroupList",
                    ["apiVersion"] = "v1",
                    ["groups"] = new JsonArray([.. Groups().Where(g => g.Length > 0).Select(g => (JsonNode)Group(g))]),
                });
            case ["apis", var group] when Groups().Contains(group):
                var o = Group(group);
                (o["kind"], o["apiVersion"]) = ("APIGroup", "v1");
                return http.Response.Json(200, o);
            case ["api", "v1"]:
                return http.Response.Json(200, Resources("", "v1"));
            case ["apis", var group, var version] when table.All.Any(r => r.Group == group && r.Version == version):
                return http.Response.Json(200, Resources(group, version));
            case [""]:
                return http.Response.Json(200, Paths());
            case ["api" or "apis", ..]:
                throw StatusException.NoSuchResource();
            default:
                return http.Response.Text(404, "404 page not found\n");
        }
    }

    private static bool AcceptsAggregated(HttpRequest request) => request.Headers.Accept.ToString().Split(',')
        .Any(a => a.Contains("g=apidiscovery.k8s.io", StringComparison.Ordinal) && a.Contains("v=v2;", StringComparison.Ordinal));

    private IEnumerable<string> Groups() => table.All.Select(r => r.Group).Distinct(StringComparer.Ordinal);

    private static JsonObject Version() => new()
    {
        ["major"] = "1",
        ["minor"] = Minor,
        ["gitVersion"] = GitVersion,
        ["gitCommit"] = "",
        ["gitTreeState"] = "clean",
        ["buildDate"] = "",
        ["goVersion"] = "",
        ["compiler"] = "",
        ["platform"] = RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "linux/arm64" : "linux/amd64",
    };

    private JsonObject Paths()
    {
        var paths = new List<string> { "/api", "/api/v1", "/apis" };
        foreach (var group in Groups().Where(g => g.Length > 0))
            paths.AddRange([$"/apis/{group}", $"/apis/{group}/v1"]);
        paths.AddRange(["/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]);
        return new() { ["paths"] = new JsonArray([.. paths.Select(p => (JsonNode)p)]) };
    }

    private static JsonObject Group(string group) => new()
    {
        ["name"] = group,
        ["versions"] = new JsonArray(new JsonObject { ["groupVersion"] = $"{group}/v1", ["version"] = "v1" }),
        ["preferredVersion"] = new JsonObject { ["groupVersion"] = $"{group}/v1", ["version"] = "v1" },
    };

    private JsonObject Resources(string group, string version)
    {
        var resources = new JsonArray();
        foreach (var resource in table.All.Where(r => r.Group == group && r.Version == version))
        {
            var o = new JsonObject
            {
                ["name"] = resource.Plural,
                ["singularName"] = resource.Singular,
                ["namespaced"] = resource.Namespaced,
                ["kind"] = resource.Kind,
                ["verbs"] = Strings(VerbsOf(resource)),
            };
            AddNames(o, resource);
            resources.Add((JsonNode)o);
            foreach (var (name, kindGroup, kind, verbs) in Subresources(resource))
            {
                var sub = new JsonObject
                {
                    ["name"] = $"{resource.Plural}/{name}",
                    ["singularName"] = "",
                    ["namespaced"] = resource.Namespaced,
                    ["kind"] = kind,
                    ["verbs"] = Strings(verbs),
                };
                if (kindGroup is not null)
                    (sub["group"], sub["version"]) = (kindGroup, "v1");
                resources.Add((JsonNode)sub);
            }
        }
        return new()
        {
            ["kind"] = "APIResourceList",
            ["apiVersion"] = "v1",
            ["groupVersion"] = group.Length == 0 ? version : $"{group}/{version}",
            ["resources"] = resources,
        };
    }

    /// <summary>apidiscovery.k8s.io/v2: everything in one answer.</summary>
    private Task AggregatedAsync(HttpContext http, Func<string, bool> wanted)
    {
        var items = new JsonArray();
        foreach (var group in Groups().Where(wanted))
        {
            var resources = new JsonArray([.. table.All.Where(r => r.Group == group).Select(r => (JsonNode)Aggregated(r))]);
            var metadata = new JsonObject { ["creationTimestamp"] = null };
            if (group.Length > 0)
                metadata["name"] = group;
            items.Add((JsonNode)new JsonObject
            {
                ["metadata"] = metadata,
                ["versions"] = new JsonArray(new JsonObject { ["version"] = "v1", ["resources"] = resources, ["freshness"] = "Current" }),
            });
        }
        var body = ObjectJson.ToUtf8(new JsonObject
        {
            ["kind"] = "APIGroupDiscoveryList",
            ["apiVersion"] = "apidiscovery.k8s.io/v2",
            ["metadata"] = new JsonObject(),
            ["items"] = items,
        });
        return http.Response.Bytes(200, "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", body);
    }

    private static JsonObject Aggregated(ResourceDefinition resource)
    {
        var o = new JsonObject
        {
            ["resource"] = resource.Plural,
            ["responseKind"] = ResponseKind(resource.Group, resource.Kind),
            ["scope"] = resource.Namespaced ? "Namespaced" : "Cluster",
            ["singularResource"] = resource.Singular,
            ["verbs"] = Strings(VerbsOf(resource)),
        };
        AddNames(o, resource);
        var subresources = Subresources(resource).Select(s => (JsonNode)new JsonObject
        {
            ["subresource"] = s.Name,
            ["responseKind"] = ResponseKind(s.Group ?? resource.Group, s.Kind),
            ["verbs"] = Strings(s.Verbs),
        }).ToArray();
        if (subresources.Length > 0)
            o["subresources"] = new JsonArray(subresources);
        return o;
    }

    private static JsonObject ResponseKind(string group, string kind) => new() { ["group"] = group, ["version"] = "v1", ["kind"] = kind };

    private static IEnumerable<(string Name, string? Group, string Kind, string[] Verbs)> Subresources(ResourceDefinition resource)
    {
        if (resource.Kind == "Pod")
        {
            yield return ("attach", null, "PodAttachOptions", ["create", "get"]);
            yield return ("binding", null, "Binding", ["create"]);
            yield return ("eviction", "policy", "Eviction", ["create"]);
            yield return ("exec", null, "PodExecOptions", ["create", "get"]);
            yield return ("log", null, "Pod", ["get"]);
            yield return ("portforward", null, "PodPortForwardOptions", ["create", "get"]);
        }
        if (resource.Kind == "ServiceAccount")
            yield return ("token", "authentication.k8s.io", "TokenRequest", ["create"]);
        if (resource.Kind == "Namespace")
            yield return ("finalize", null, "Namespace", ["patch", "update"]);
        if (resource.HasScale)
            yield return ("scale", "autoscaling", "Scale", StatusVerbs);
        if (resource.HasStatus)
            yield return ("status", null, resource.Kind, StatusVerbs);
    }

    private static string[] VerbsOf(ResourceDefinition resource) =>
        resource.Answer is not null ? ["create"] : resource.Kind == "Namespace" ? [.. Verbs.Where(v => v != "deletecollection")] : Verbs;

    private static void AddNames(JsonObject o, ResourceDefinition resource)
    {
        if (resource.ShortNames.Count > 0)
            o["shortNames"] = Strings(resource.ShortNames);
        if (resource.Categories.Count > 0)
            o["categories"] = Strings(resource.Categories);
    }

    private static JsonArray Strings(IEnumerable<string> texts) => new([.. texts.Select(t => (JsonNode)t)]);
}
