using System.Collections.Immutable;
using System.Net;
using System.Text.Json.Nodes;
using k8s.Models;
using Podnet.Kubernetes;

namespace Podnet.Local.Controllers;

/// <summary>Gives nodes their pod CIDRs (<see cref="PodCidrs"/>).</summary>
internal sealed class PodCidrController : IController
{
    private const string Everything = "nodes";
    private const string Condition = "NetworkUnavailable";
    private const string Exhausted = "CIDRNotAvailable";

    private readonly ControllerContext _context;
    private readonly ImmutableArray<IPNetwork> _clusterCidrs;
    private readonly WorkQueue<string> _queue;

    public PodCidrController(ControllerContext context, ImmutableArray<IPNetwork> clusterCidrs)
    {
        (_context, _clusterCidrs) = (context, clusterCidrs);
        _queue = context.NewQueue<string>("PodCidr", ReconcileAsync, workers: 1);
        context.Nodes.Changed += (_, now) =>
        {
            // A node that goes may leave a CIDR behind for one that waits.
            if (now is null || PodCidrs.HasNone(now) || HasCondition(now, "True")) _queue.Add(Everything);
        };
    }

    public Task RunAsync(CancellationToken ct) => _queue.RunAsync(ct);

    private async Task<TimeSpan?> ReconcileAsync(string everything, CancellationToken ct)
    {
        if (_clusterCidrs.IsEmpty) return null;
        var cached = _context.Nodes.Items;
        foreach (var node in cached.Where(node => !PodCidrs.HasNone(node) && HasCondition(node, "True")))
            await SetConditionAsync(node, "False", "CIDRAssigned", "The node has pod CIDRs.", ct);
        if (!cached.Any(PodCidrs.HasNone)) return null;
        // No subnet may be given twice, so this is decided from what the API server has at this moment, not from a cache.
        var nodes = await _context.Client.ListAsync(Resources.Nodes, null, null, ct);
        foreach (var grant in PodCidrs.Decide(nodes, _clusterCidrs))
        {
            if (grant.Exhausted is { } full) await RefuseAsync(grant.Node, full, ct);
            else await AssignAsync(grant, ct);
        }
        return null;
    }

    private async Task AssignAsync(PodCidrGrant grant, CancellationToken ct)
    {
        var meta = grant.Node.Metadata;
        var patch = new JsonObject
        {
            ["metadata"] = new JsonObject { ["uid"] = meta.Uid },
            ["spec"] = new JsonObject
            {
                ["podCIDR"] = grant.Cidrs[0].ToString(),
                ["podCIDRs"] = new JsonArray([.. grant.Cidrs.Select(cidr => JsonValue.Create(cidr.ToString()))]),
            },
        };
        await _context.Nodes.PatchAsync(meta, patch, ct);
    }

    private async Task RefuseAsync(V1Node node, IPNetwork full, CancellationToken ct)
    {
        var message = $"pod CIDR {full} has no free subnet left for node {node.Metadata.Name}: remove a node or use a larger pod CIDR";
        if (HasCondition(node, "True")) return;
        await SetConditionAsync(node, "True", Exhausted, message, ct);
        _context.Events.Warning(Resources.Nodes, node, Exhausted, message);
    }

    /// <summary>Only what this controller itself has said counts.</summary>
    private static bool HasCondition(V1Node node, string status) =>
        node.Status?.Conditions?.Any(c => c.Type == Condition && c.Status == status && c.Reason == Exhausted) == true;

    private async Task SetConditionAsync(V1Node node, string status, string reason, string message, CancellationToken ct)
    {
        var changed = node.Clone();
        changed.Status ??= new V1NodeStatus();
        changed.Status.Conditions =
        [
            .. (changed.Status.Conditions ?? []).Where(c => c.Type != Condition),
            new V1NodeCondition { Type = Condition, Status = status, Reason = reason, Message = message, LastTransitionTime = _context.Now },
        ];
        await _context.Nodes.UpdateStatusAsync(changed, ct);
    }
}
