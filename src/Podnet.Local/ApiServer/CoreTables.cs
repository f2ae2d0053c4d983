using System.Text.Json.Nodes;
using static Podnet.Local.ApiServer.TableLayout;

namespace Podnet.Local.ApiServer;

/// <summary>The rows of everything but pods and what makes them.</summary>
internal static class CoreTables
{
    public static readonly TableLayout Namespace = new(
        [new("Name"), new("Status"), new("Age")],
        (o, now) => [o.Text("metadata", "name"), o.Text("status", "phase"), Age(o, now)]);

    public static readonly TableLayout ConfigMap = new(
        [new("Name"), new("Data", "integer"), new("Age")],
        (o, now) =>
        [
            o.Text("metadata", "name"), ((o["data"] as JsonObject)?.Count ?? 0) + ((o["binaryData"] as JsonObject)?.Count ?? 0), Age(o, now),
        ]);

    public static readonly TableLayout Node = new(
        [
            new("Name"), new("Status"), new("Roles"), new("Age"), new("Version"), new("Internal-IP", Wide: true),
            new("External-IP", Wide: true), new("OS-Image", Wide: true), new("Kernel-Version", Wide: true), new("Container-Runtime", Wide: true),
        ],
        (o, now) =>
        [
            o.Text("metadata", "name"), NodeStatus(o), NodeRoles(o), Age(o, now), o.Text("status", "nodeInfo", "kubeletVersion") ?? "",
            NodeAddress(o, "InternalIP"), NodeAddress(o, "ExternalIP"), Known(o.Text("status", "nodeInfo", "osImage")),
            Known(o.Text("status", "nodeInfo", "kernelVersion")), Known(o.Text("status", "nodeInfo", "containerRuntimeVersion")),
        ]);

    public static readonly TableLayout Service = new(
        [
            new("Name"), new("Type"), new("Cluster-IP"), new("External-IP"), new("Port(s)"), new("Age"), new("Selector", Wide: true),
        ],
        (o, now) =>
        [
            o.Text("metadata", "name"), o.Text("spec", "type"), o.Text("spec", "clusterIP") is { Length: > 0 } ip ? ip : None,
            ServiceExternal(o), ServicePorts(o), Age(o, now), MapText(o.At("spec", "selector")),
        ]);

    public static readonly TableLayout EndpointSlice = new(
        [new("Name"), new("AddressType"), new("Ports"), new("Endpoints"), new("Age")],
        (o, now) =>
        [
            o.Text("metadata", "name"), o.Text("addressType"),
            Short(o.Items("ports").Select(p => p.Number("port") is { } port ? $"{port}" : "*"), "<unset>"),
            Short(o.Items("endpoints").SelectMany(e => e.Texts("addresses")), "<unset>"), Age(o, now),
        ]);

    public static readonly TableLayout Event = new(
        [
            new("Last Seen"), new("Type"), new("Reason"), new("Object"), new("Subobject", Wide: true), new("Source", Wide: true),
            new("Message"), new("First Seen", Wide: true), new("Count", Wide: true), new("Name", Wide: true),
        ],
        EventCells);

    private static JsonNode?[] EventCells(JsonObject o, DateTimeOffset now)
    {
        var first = o.Text("firstTimestamp") ?? o.Text("eventTime");
        var last = o.Text("series", "lastObservedTime") ?? o.Text("lastTimestamp") ?? first;
        var source = o.Text("source", "component") is { Length: > 0 } component ? component : o.Text("reportingComponent") ?? "";
        if (o.Text("source", "host") is { Length: > 0 } host)
            source = $"{source}, {host}";
        return
        [
            Age(last, now), o.Text("type"), o.Text("reason"),
            $"{o.Text("involvedObject", "kind")?.ToLowerInvariant()}/{o.Text("involvedObject", "name")}",
            o.Text("involvedObject", "fieldPath") ?? "", source, o.Text("message")?.Trim() ?? "", Age(first, now),
            $"{o.Number("series", "count") ?? o.Number("count") ?? 1}", o.Text("metadata", "name"),
        ];
    }

    private static string NodeStatus(JsonObject node)
    {
        var ready = node["status"].Items("conditions").FirstOrDefault(c => c.Text("type") == "Ready");
        var status = ready is null ? "Unknown" : ready.Text("status") == "True" ? "Ready" : "NotReady";
        return node.Flag("spec", "unschedulable") ? status + ",SchedulingDisabled" : status;
    }

    private static string NodeRoles(JsonObject node)
    {
        const string prefix = "node-role.kubernetes.io/";
        var labels = ObjectJson.StringMap(node.At("metadata", "labels"));
        var roles = labels.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal)).Select(k => k[prefix.Length..])
            .Where(r => r.Length > 0).Order(StringComparer.Ordinal).ToList();
        return roles.Count == 0 ? None : string.Join(',', roles);
    }

    private static string NodeAddress(JsonObject node, string type) =>
        node["status"].Items("addresses").FirstOrDefault(a => a.Text("type") == type).Text("address") ?? None;

    private static string Known(string? text) => string.IsNullOrEmpty(text) ? "<unknown>" : text;

    private static string ServiceExternal(JsonObject service)
    {
        var ips = service["spec"].Texts("externalIPs").ToList();
        switch (service.Text("spec", "type"))
        {
            case "ExternalName":
                return service.Text("spec", "externalName") ?? None;
            case "LoadBalancer":
                var ingress = service.At("status", "loadBalancer").Items("ingress").Select(i => i.Text("ip") ?? i.Text("hostname") ?? "").ToList();
                return ingress.Count + ips.Count == 0 ? "<pending>" : string.Join(',', ingress.Concat(ips));
            default:
                return ips.Count == 0 ? None : string.Join(',', ips);
        }
    }

    private static string ServicePorts(JsonObject service)
    {
        var ports = service["spec"].Items("ports").Select(p => p.Number("nodePort") is { } nodePort and > 0
            ? $"{p.Number("port")}:{nodePort}/{p.Text("protocol")}"
            : $"{p.Number("port")}/{p.Text("protocol")}").ToList();
        return ports.Count == 0 ? None : string.Join(',', ports);
    }

    /// <summary>The first three, and how many more.</summary>
    private static string Short(IEnumerable<string> items, string none)
    {
        var all = items.ToList();
        if (all.Count == 0)
            return none;
        var text = string.Join(',', all.Take(3));
        return all.Count > 3 ? $"{text} + {all.Count - 3} more..." : text;
    }
}
