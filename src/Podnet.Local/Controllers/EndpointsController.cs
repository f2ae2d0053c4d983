using k8s.Models;
using Podnet.Core.Model;

namespace Podnet.Local.Controllers;

/// <summary>Carries out <see cref="EndpointsPlan"/>. Endpoints of a Service that is gone go with it.</summary>
internal sealed class EndpointsController : IController
{
    private readonly ControllerContext _context;
    private readonly WorkQueue<ObjectName> _queue;

    public EndpointsController(ControllerContext context)
    {
        _context = context;
        _queue = context.NewQueue<ObjectName>("Endpoints", ReconcileAsync);
        context.Services.Changed += (before, now) => _queue.Add(ControllerContext.NameOf((now ?? before)!));
        context.Endpoints.Changed += (before, now) => _queue.Add(ControllerContext.NameOf((now ?? before)!));
        context.Pods.Changed += (before, now) =>
        {
            foreach (var service in context.Services.InNamespace((now ?? before)!.Metadata.NamespaceProperty))
            {
                if (service.Spec.Selector is not { Count: > 0 } labels) continue;
                var selector = Selector.Of(labels);
                if (new[] { before, now }.Any(pod => pod is not null && selector.Matches(pod.Metadata.Labels)))
                    _queue.Add(ControllerContext.NameOf(service));
            }
        };
    }

    public Task RunAsync(CancellationToken ct) => _queue.RunAsync(ct);

    private async Task<TimeSpan?> ReconcileAsync(ObjectName name, CancellationToken ct)
    {
        var (service, there) = (_context.Services.Get(name.Namespace, name.Name), _context.Endpoints.Get(name.Namespace, name.Name));
        var wanted = service is null ? null : EndpointsPlan.Of(service, _context.Pods.InNamespace(name.Namespace), node => _context.Nodes.Get(null, node));
        if (wanted is not null && there is null)
            await _context.Endpoints.CreateAsync(wanted, ct);
        else if (wanted is not null && !(Objects.Same(wanted.Metadata.Labels, there!.Metadata.Labels) && SameSubsets(wanted, there)))
        {
            var changed = there.Clone();
            (changed.Metadata.Labels, changed.Subsets) = (wanted.Metadata.Labels, wanted.Subsets);
            await _context.Endpoints.UpdateAsync(changed, ct);
        }
        else if (service is null && there is { Metadata.DeletionTimestamp: null })
            await _context.Endpoints.DeleteAsync(there.Metadata, ct);
        if (wanted is null && service is not null)
            await MirrorAsync(service, there, ct);
        return null;
    }

    private async Task MirrorAsync(V1Service service, V1Endpoints? endpoints, CancellationToken ct)
    {
        var wanted = EndpointsPlan.Mirror(service, endpoints);
        var there = _context.EndpointSlices.InNamespace(service.Metadata.NamespaceProperty).Where(slice =>
            slice.GetLabel(WellKnown.ServiceName) == service.Metadata.Name && slice.GetLabel(WellKnown.ManagedBy) == EndpointsPlan.MirroringController).ToList();
        foreach (var slice in wanted)
        {
            var before = there.Find(s => s.Metadata.Name == slice.Metadata.Name);
            if (before is null)
                await _context.EndpointSlices.CreateAsync(slice, ct);
            else if (!Objects.Same(new V1EndpointSlice { Endpoints = before.Endpoints, Ports = before.Ports }, new V1EndpointSlice { Endpoints = slice.Endpoints, Ports = slice.Ports }))
            {
                var changed = before.Clone();
                (changed.Endpoints, changed.Ports) = (slice.Endpoints, slice.Ports);
                await _context.EndpointSlices.UpdateAsync(changed, ct);
            }
        }
        foreach (var old in there.Where(t => wanted.All(w => w.Metadata.Name != t.Metadata.Name)))
            await _context.EndpointSlices.DeleteAsync(old.Metadata, ct);
    }

    private static bool SameSubsets(V1Endpoints left, V1Endpoints right) =>
        Objects.Same(new V1Endpoints { Subsets = left.Subsets }, new V1Endpoints { Subsets = right.Subsets });
}
