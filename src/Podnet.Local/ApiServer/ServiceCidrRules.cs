using System.Net;
using System.Text.Json.Nodes;
using static Podnet.Local.ApiServer.TableLayout;

namespace Podnet.Local.ApiServer;

/// <summary>
/// Where cluster IPs come from. A local cluster's blocks are its configuration's, so it has one object, which the server makes and
/// nobody changes: <see cref="DefaultName"/>, as a real API server makes it.
/// </summary>
internal sealed class ServiceCidrRules(IReadOnlyList<IPNetwork> cidrs) : ResourceRules
{
    /// <summary>networking/v1 DefaultServiceCIDRName.</summary>
    public const string DefaultName = "kubernetes";

    public static readonly TableLayout Table = new(
        [new("Name"), new("CIDRs"), new("Age")],
        (o, now) => [o.Text("metadata", "name"), string.Join(',', o["spec"].Texts("cidrs")), Age(o, now)]);

    private JsonArray Blocks => new([.. cidrs.Select(cidr => JsonValue.Create(cidr.ToString()))]);

    public JsonObject New() => new()
    {
        ["metadata"] = new JsonObject { ["name"] = DefaultName },
        ["spec"] = new JsonObject { ["cidrs"] = Blocks },
    };

    public override void Begin(JsonObject created)
    {
        created["status"] = new JsonObject
        {
            ["conditions"] = new JsonArray(new JsonObject
            {
                ["type"] = "Ready",
                ["status"] = "True",
                ["reason"] = "",
                ["message"] = "Kubernetes Service CIDR is ready",
                ["lastTransitionTime"] = created.Text("metadata", "creationTimestamp"),
            }),
        };
    }

    public override void Validate(JsonObject written, JsonObject? before, ICollection<FieldError> errors)
    {
        if (written.Text("metadata", "name") != DefaultName)
            errors.Add(FieldError.Forbidden("metadata.name", $"a local cluster has the ServiceCIDR \"{DefaultName}\" only, of its configuration's networks"));
        else if (!JsonNode.DeepEquals(written.At("spec", "cidrs"), Blocks))
            errors.Add(FieldError.Invalid("spec.cidrs", written.At("spec", "cidrs")?.DeepClone(), "field is immutable"));
    }

    public override string? WhyKept(string name) => "it is where the cluster IPs come from";
}
