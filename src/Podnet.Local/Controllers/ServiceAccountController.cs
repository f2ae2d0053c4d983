using k8s.Models;
using Podnet.Kubernetes;

namespace Podnet.Local.Controllers;

/// <summary>Gives every namespace its ServiceAccount "default" (pkg/controller/serviceaccount).</summary>
internal sealed class ServiceAccountController : IController
{
    private const string Default = "default";
    private readonly ControllerContext _context;
    private readonly WorkQueue<string> _queue;

    public ServiceAccountController(ControllerContext context)
    {
        _context = context;
        _queue = context.NewQueue<string>("ServiceAccount", ReconcileAsync);
        context.Namespaces.Changed += (_, now) =>
        {
            if (now is not null) _queue.Add(now.Metadata.Name);
        };
        context.ServiceAccounts.Changed += (before, now) =>
        {
            if (now is null) _queue.Add(before!.Metadata.NamespaceProperty);
        };
    }

    public Task RunAsync(CancellationToken ct) => _queue.RunAsync(ct);

    private async Task<TimeSpan?> ReconcileAsync(string name, CancellationToken ct)
    {
        if (_context.Namespaces.Get(null, name) is not { Metadata.DeletionTimestamp: null }) return null;
        if (_context.ServiceAccounts.Get(name, Default) is not null) return null;
        try
        {
            await _context.ServiceAccounts.CreateAsync(new V1ServiceAccount { Metadata = new() { Name = Default, NamespaceProperty = name } }, ct);
        }
        catch (ApiException e) when (e.IsAlreadyExists)
        {
            // It came back by somebody else's hand.
        }
        return null;
    }
}
