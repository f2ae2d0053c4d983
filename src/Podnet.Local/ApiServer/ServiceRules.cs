using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Podnet.Core.Model;

namespace Podnet.Local.ApiServer;

/// <summary>Defaults, allocation and validation of Services (kubernetes pkg/registry/core/service, pkg/apis/core/validation).</summary>
internal sealed class ServiceRules(ServiceAllocator allocator) : ResourceRules
{
    private const string Headless = "None";

    public override IReadOnlyList<string> SelectableFields { get; } = ["spec.clusterIP", "spec.type"];

    public override string? NameError(string name) => NameRules.ServiceName(name);

    public override void Begin(JsonObject created) => created["status"] = new JsonObject { ["loadBalancer"] = new JsonObject() };

    public override void Default(JsonObject written)
    {
        var spec = written.Child("spec");
        spec.Default("type", "ClusterIP");
        spec.Default("sessionAffinity", "None");
        if (spec.Text("sessionAffinity") == "ClientIP")
            spec.Child("sessionAffinityConfig").Child("clientIP").Default("timeoutSeconds", 10800);
        else
            spec.Remove("sessionAffinityConfig");
        var type = spec.Text("type");
        if (type != "ExternalName")
            spec.Default("internalTrafficPolicy", "Cluster");
        var isExternal = type is "NodePort" or "LoadBalancer" || spec.Texts("externalIPs").Any();
        if (isExternal)
            spec.Default("externalTrafficPolicy", "Cluster");
        else
            spec.Remove("externalTrafficPolicy");
        if (type == "LoadBalancer")
            spec.Default("allocateLoadBalancerNodePorts", true);
        foreach (var port in spec.Items("ports"))
        {
            port.Default("protocol", "TCP");
            var unset = string.IsNullOrEmpty(port.Text("targetPort")) && (port.Number("targetPort") ?? 0) == 0;
            if (unset && port["port"] is { } number)
                port["targetPort"] = number.DeepClone();
        }
    }

    public override void Admit(JsonObject written, JsonObject? before, ICollection<FieldError> errors)
    {
        var spec = written.Child("spec");
        var service = new ObjectName(written.Text("metadata", "namespace") ?? "", written.Text("metadata", "name") ?? "");
        if (spec.Text("type") == "ExternalName")
        {
            foreach (var name in (ReadOnlySpan<string>)["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"])
                spec.Remove(name);
        }
        else
            AdmitAddresses(service, spec, before?["spec"], errors);
        AdmitNodePorts(service, spec, before?["spec"], errors);
    }

    public override void Recorded(JsonObject? before, JsonObject? now)
    {
        if (before is not null)
            allocator.Release(NameOf(before), Addresses(before), NodePorts(before));
        if (now is not null)
            allocator.Take(NameOf(now), Addresses(now), NodePorts(now));
    }

    public override void Validate(JsonObject written, JsonObject? before, ICollection<FieldError> errors) =>
        ServiceValidation.Validate(written["spec"], before?["spec"], errors);

    private void AdmitAddresses(ObjectName service, JsonObject spec, JsonNode? before, ICollection<FieldError> errors)
    {
        var requested = Requested(spec, before, errors);
        if (requested is null)
            return;
        if (requested is [Headless])
        {
            SetAddresses(spec, [Headless], Families(spec, []));
            return;
        }
        var parsed = new List<IPAddress>();
        for (var i = 0; i < requested.Count; i++)
        {
            if (!IPAddress.TryParse(requested[i], out var address))
            {
                errors.Add(FieldError.Invalid($"spec.clusterIPs[{i}]", requested[i], "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"));
                return;
            }
            if (allocator.Refusal(service, address) is { } refusal)
            {
                errors.Add(FieldError.Invalid("spec.clusterIPs", GoSyntax.Strings(requested), refusal));
                return;
            }
            parsed.Add(address);
        }
        var families = Families(spec, parsed);
        foreach (var family in families.Skip(parsed.Count))
        {
            if (allocator.Free(family) is not { } free)
            {
                errors.Add(FieldError.Invalid("spec.ipFamilies", FamilyName(family), allocator.Cidrs.Any(c => c.BaseAddress.AddressFamily == family)
                    ? "failed to allocate a serviceIP: range is full" : "not configured on this cluster"));
                return;
            }
            parsed.Add(free);
        }
        SetAddresses(spec, [.. parsed.Select(a => a.ToString())], families);
    }

    /// <summary>What the Service asks for, or keeps; null after an error.</summary>
    private static List<string>? Requested(JsonObject spec, JsonNode? before, ICollection<FieldError> errors)
    {
        var one = spec.Text("clusterIP");
        var all = spec.Texts("clusterIPs").ToList();
        var had = before.Text("type") == "ExternalName" ? [] : before.Texts("clusterIPs").ToList();
        // A client that knows only one of the two fields changes that one; the other then follows.
        if (had.Count > 0 && string.IsNullOrEmpty(one) && (all.Count == 0 || all.SequenceEqual(had)))
            return had;
        if (string.IsNullOrEmpty(one))
            return all;
        if (had.Count > 0 && one != had[0] && (all.Count == 0 || all.SequenceEqual(had)))
        {
            errors.Add(FieldError.Invalid("spec.clusterIPs[0]", GoSyntax.Strings([one]), "may not change once set"));
            return null;
        }
        if (all.Count == 0)
            return [one];
        if (all[0] == one)
            return all;
        errors.Add(FieldError.Invalid("spec.clusterIPs", GoSyntax.Strings(all), "first value must match `clusterIP`"));
        return null;
    }

    private List<AddressFamily> Families(JsonObject spec, List<IPAddress> addresses)
    {
        var policy = spec.Text("ipFamilyPolicy");
        var families = addresses.Count > 0
            ? addresses.ConvertAll(a => a.AddressFamily)
            : spec.Texts("ipFamilies").Select(f => f == "IPv6" ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork).ToList();
        if (families.Count == 0)
            families.Add(allocator.Cidrs[0].BaseAddress.AddressFamily);
        var other = families[0] == AddressFamily.InterNetwork ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
        var canBoth = allocator.Cidrs.Any(c => c.BaseAddress.AddressFamily == other);
        if (families.Count == 1 && (policy == "RequireDualStack" || (policy == "PreferDualStack" && canBoth)))
            families.Add(other);
        return families;
    }

    private static void SetAddresses(JsonObject spec, List<string> addresses, List<AddressFamily> families)
    {
        spec["clusterIP"] = addresses[0];
        spec["clusterIPs"] = new JsonArray([.. addresses.Select(a => (JsonNode)a)]);
        spec["ipFamilies"] = new JsonArray([.. families.Select(f => (JsonNode)FamilyName(f))]);
        spec.Default("ipFamilyPolicy", families.Count == 2 ? "RequireDualStack" : "SingleStack");
    }

    private static string FamilyName(AddressFamily family) => family == AddressFamily.InterNetwork ? "IPv4" : "IPv6";

    private void AdmitNodePorts(ObjectName service, JsonObject spec, JsonNode? before, ICollection<FieldError> errors)
    {
        var type = spec.Text("type");
        var wanted = type == "NodePort" || (type == "LoadBalancer" && spec.Flag("allocateLoadBalancerNodePorts"));
        var taken = new Dictionary<int, string?>();
        var index = -1;
        foreach (var port in spec.Items("ports"))
        {
            index++;
            var requested = (int)(port.Number("nodePort") ?? 0);
            if (type is not ("NodePort" or "LoadBalancer"))
            {
                // Left over from when it had another type; asked for with a type that has none, it is an error.
                if (requested != 0 && before.Items("ports").Any(p => p.Number("nodePort") == requested))
                    port.Remove("nodePort");
                else if (requested != 0)
                    errors.Add(FieldError.Forbidden($"spec.ports[{index}].nodePort", "may not be used when `type` is 'ClusterIP'"));
                continue;
            }
            if (requested == 0)
            {
                var had = before.Items("ports").FirstOrDefault(p => SamePort(p, port)).Number("nodePort");
                requested = (int)(had ?? (wanted ? allocator.FreeNodePort(taken.Keys) ?? 0 : 0));
            }
            if (requested == 0)
            {
                if (wanted)
                    errors.Add(FieldError.Invalid($"spec.ports[{index}].nodePort", 0, "failed to allocate a nodePort: range is full"));
                continue;
            }
            // One node port may serve one Service's TCP and UDP.
            var twice = taken.TryGetValue(requested, out var protocol) && protocol == port.Text("protocol");
            if ((twice ? "provided port is already allocated" : allocator.Refusal(service, requested)) is { } refusal)
                errors.Add(FieldError.Invalid($"spec.ports[{index}].nodePort", requested, refusal));
            taken[requested] = port.Text("protocol");
            port["nodePort"] = requested;
        }
    }

    private static bool SamePort(JsonObject a, JsonObject b) =>
        a.Number("port") == b.Number("port") && a.Text("protocol") == b.Text("protocol");

    private static ObjectName NameOf(JsonObject service) => new(service.Text("metadata", "namespace") ?? "", service.Text("metadata", "name") ?? "");

    private static IEnumerable<IPAddress> Addresses(JsonObject service) =>
        service["spec"].Texts("clusterIPs").Where(a => a != Headless).Select(IPAddress.Parse).ToList();

    private static IEnumerable<int> NodePorts(JsonObject service) =>
        service["spec"].Items("ports").Select(p => (int)(p.Number("nodePort") ?? 0)).Where(p => p != 0).ToList();
}
