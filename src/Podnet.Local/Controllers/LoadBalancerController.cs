using k8s.Models;
using Podnet.Kubernetes;

namespace Podnet.Local.Controllers;

/// <summary>Carries out <see cref="LoadBalancerPlan"/>: first the way to an address, then the status that tells it.</summary>
internal sealed class LoadBalancerController : IController
{
    private const string Everything = "services";

    private readonly ControllerContext _context;
    private readonly ILoadBalancerNetwork? _network;
    private readonly WorkQueue<string> _queue;

    public LoadBalancerController(ControllerContext context, ILoadBalancerNetwork? network)
    {
        (_context, _network) = (context, network);
        // An address may not be given twice, so one decision at a time is made of all Services.
        _queue = context.NewQueue<string>("LoadBalancer", ReconcileAsync, workers: 1);
        context.Services.Changed += (before, now) =>
        {
            if (Concerns(before) || Concerns(now)) _queue.Add(Everything);
        };
        context.EndpointSlices.Changed += (before, now) =>
        {
            var slice = (now ?? before)!;
            if (slice.GetLabel(WellKnown.ServiceName) is { } service && Concerns(context.Services.Get(slice.Metadata.NamespaceProperty, service))) _queue.Add(Everything);
        };
        context.Nodes.Changed += (_, _) =>
        {
            if (context.Services.Items.Any(Concerns)) _queue.Add(Everything);
        };
    }

    public Task RunAsync(CancellationToken ct) => _network is null ? Task.Delay(Timeout.Infinite, ct) : _queue.RunAsync(ct);

    private static bool Concerns(V1Service? service) => service is { Spec.Type: "LoadBalancer" } or { Status.LoadBalancer.Ingress.Count: > 0 };

    private async Task<TimeSpan?> ReconcileAsync(string everything, CancellationToken ct)
    {
        var decision = LoadBalancerPlan.Decide(_context.Services.Items, _context.EndpointSlices.Items, _context.Nodes.Items, _network!.Pools);
        var report = _network.Route(decision.Routes);
        if (report.Failed) throw report.Failures[0];
        foreach (var (service, addresses) in decision.Changed)
        {
            var changed = service.Clone();
            changed.Status ??= new V1ServiceStatus();
            changed.Status.LoadBalancer = new V1LoadBalancerStatus
            {
                Ingress = addresses.IsEmpty ? null : [.. addresses.Select(address => new V1LoadBalancerIngress { Ip = address.ToString(), IpMode = "VIP" })],
            };
            await _context.Services.UpdateStatusAsync(changed, ct);
            if (!addresses.IsEmpty) _context.Events.Normal(Resources.Services, service, "EnsuredLoadBalancer", $"Ensured load balancer: {string.Join(", ", addresses)}");
        }
        foreach (var (service, why) in decision.Refused) _context.Events.Warning(Resources.Services, service, "SyncLoadBalancerFailed", why);
        return null;
    }
}
