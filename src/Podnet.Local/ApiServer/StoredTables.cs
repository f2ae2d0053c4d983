using System.Globalization;
using System.Text.Json.Nodes;
using static Podnet.Local.ApiServer.TableLayout;

namespace Podnet.Local.ApiServer;

/// <summary>The rows of kinds that are kept for others to read.</summary>
internal static class StoredTables
{
    public static readonly TableLayout Secret = new(
        [new("Name"), new("Type"), new("Data", "integer"), new("Age")],
        (o, now) => [o.Text("metadata", "name"), o.Text("type"), (o["data"] as JsonObject)?.Count ?? 0, Age(o, now)]);

    public static readonly TableLayout ServiceAccount = new(
        [new("Name"), new("Secrets", "integer"), new("Age")],
        (o, now) => [o.Text("metadata", "name"), o.Items("secrets").Count(), Age(o, now)]);

    public static readonly TableLayout Role = new(
        [new("Name"), new("Created At")],
        (o, _) => [o.Text("metadata", "name"), o.Text("metadata", "creationTimestamp")]);

    public static readonly TableLayout RoleBinding = new(
        [new("Name"), new("Role"), new("Age"), new("Users", Wide: true), new("Groups", Wide: true), new("ServiceAccounts", Wide: true)],
        (o, now) =>
        [
            o.Text("metadata", "name"), $"{o.Text("roleRef", "kind")}/{o.Text("roleRef", "name")}", Age(o, now),
            Subjects(o, "User"), Subjects(o, "Group"), Subjects(o, "ServiceAccount"),
        ]);

    public static readonly TableLayout Lease = new(
        [new("Name"), new("Holder"), new("Age")],
        (o, now) => [o.Text("metadata", "name"), o.Text("spec", "holderIdentity") ?? "", Age(o, now)]);

    public static readonly TableLayout ControllerRevision = new(
        [new("Name"), new("Controller"), new("Revision", "integer"), new("Age")],
        (o, now) => [o.Text("metadata", "name"), Controller(o), o.Number("revision") ?? 0, Age(o, now)]);

    public static readonly TableLayout NetworkPolicy = new(
        [new("Name"), new("Pod-Selector"), new("Age")],
        (o, now) => [o.Text("metadata", "name"), SelectorText(o.At("spec", "podSelector")), Age(o, now)]);

    public static readonly TableLayout Endpoints = new(
        [new("Name"), new("Endpoints"), new("Age")],
        (o, now) => [o.Text("metadata", "name"), EndpointsText(o), Age(o, now)]);

    public static readonly TableLayout Ingress = new(
        [new("Name"), new("Class"), new("Hosts"), new("Address"), new("Ports"), new("Age")],
        (o, now) =>
        [
            o.Text("metadata", "name"), o.Text("spec", "ingressClassName") ?? None, IngressHosts(o),
            string.Join(',', o.At("status", "loadBalancer").Items("ingress").Select(i => i.Text("ip") ?? i.Text("hostname"))),
            o["spec"].Items("tls").Any() ? "80, 443" : "80", Age(o, now),
        ]);

    private static string Subjects(JsonObject binding, string kind) => string.Join(", ", binding.Items("subjects").Where(s => s.Text("kind") == kind)
        .Select(s => s.Text("namespace") is { Length: > 0 } @namespace ? $"{@namespace}/{s.Text("name")}" : s.Text("name")));

    private static string Controller(JsonObject o)
    {
        var owner = o["metadata"].Items("ownerReferences").FirstOrDefault(r => r.Flag("controller"));
        if (owner is null)
            return None;
        var group = owner.Text("apiVersion") is { } version && version.Contains('/', StringComparison.Ordinal) ? "." + version.Split('/')[0] : "";
        return $"{owner.Text("kind")?.ToLowerInvariant()}{group}/{owner.Text("name")}";
    }

    private static string IngressHosts(JsonObject o)
    {
        const int shown = 3;
        var hosts = o["spec"].Items("rules").Select(r => r.Text("host") is { Length: > 0 } host ? host : "*").ToList();
        if (hosts.Count == 0)
            return "*";
        var text = string.Join(',', hosts.Take(shown));
        return hosts.Count > shown ? $"{text} + {hosts.Count - shown} more..." : text;
    }

    private static string EndpointsText(JsonObject o)
    {
        const int shown = 3;
        var all = new List<string>();
        foreach (var subset in o.Items("subsets"))
        {
            var ports = subset.Items("ports").Select(p => p.Number("port") ?? 0).ToList();
            foreach (var address in subset.Items("addresses"))
            {
                var ip = address.Text("ip") ?? "";
                if (ports.Count == 0)
                    all.Add(ip);
                else
                    all.AddRange(ports.Select(port => ip.Contains(':', StringComparison.Ordinal) ? $"[{ip}]:{port}" : $"{ip}:{port}"));
            }
        }
        if (all.Count == 0)
            return None;
        var text = string.Join(',', all.Take(shown));
        return all.Count > shown ? $"{text} + {all.Count - shown} more..." : text;
    }

    /// <summary>How long a Job ran or has been running; empty before it starts.</summary>
    internal static string Duration(JsonObject job, DateTimeOffset now)
    {
        if (!Time(job.Text("status", "startTime"), out var start))
            return "";
        return HumanDuration((Time(job.Text("status", "completionTime"), out var end) ? end : now) - start);
    }

    private static bool Time(string? text, out DateTimeOffset time) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time);
}
