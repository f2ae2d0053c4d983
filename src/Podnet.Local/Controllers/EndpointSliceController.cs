using k8s.Models;
using Podnet.Core.Model;

namespace Podnet.Local.Controllers;

/// <summary>Carries out <see cref="EndpointSlicePlan"/>. Slices of a Service that is gone go by their ownerReferences.</summary>
internal sealed class EndpointSliceController : IController
{
    private readonly ControllerContext _context;
    private readonly WorkQueue<ObjectName> _queue;

    public EndpointSliceController(ControllerContext context)
    {
        _context = context;
        _queue = context.NewQueue<ObjectName>("EndpointSlice", ReconcileAsync);
        context.Services.Changed += (before, now) => _queue.Add(ControllerContext.NameOf((now ?? before)!));
        context.EndpointSlices.Changed += (before, now) =>
        {
            var slice = (now ?? before)!;
            if (slice.GetLabel(WellKnown.ServiceName) is { } service) _queue.Add(new ObjectName(slice.Metadata.NamespaceProperty, service));
        };
        context.Pods.Changed += PodChanged;
        context.Nodes.Changed += (before, now) =>
        {
            if (before?.GetLabel(WellKnown.Zone) == now?.GetLabel(WellKnown.Zone)) return;
            foreach (var service in context.Services.Items) _queue.Add(ControllerContext.NameOf(service));
        };
    }

    public Task RunAsync(CancellationToken ct) => _queue.RunAsync(ct);

    private void PodChanged(V1Pod? before, V1Pod? now)
    {
        foreach (var service in _context.Services.InNamespace((now ?? before)!.Metadata.NamespaceProperty))
        {
            if (service.Spec.Selector is not { Count: > 0 } labels) continue;
            var selector = Selector.Of(labels);
            if ((before is not null && selector.Matches(before.Metadata.Labels)) || (now is not null && selector.Matches(now.Metadata.Labels)))
                _queue.Add(ControllerContext.NameOf(service));
        }
    }

    private async Task<TimeSpan?> ReconcileAsync(ObjectName name, CancellationToken ct)
    {
        if (_context.Services.Get(name.Namespace, name.Name) is not { } service) return null;
        var decision = EndpointSlicePlan.Decide(
            service,
            _context.Pods.InNamespace(name.Namespace),
            node => _context.Nodes.Get(null, node),
            _context.EndpointSlices.InNamespace(name.Namespace));
        foreach (var slice in decision.Create) await _context.EndpointSlices.CreateAsync(slice, ct);
        foreach (var slice in decision.Update) await _context.EndpointSlices.UpdateAsync(slice, ct);
        foreach (var slice in decision.Delete) await _context.EndpointSlices.DeleteAsync(slice.Metadata, ct);
        return null;
    }
}
