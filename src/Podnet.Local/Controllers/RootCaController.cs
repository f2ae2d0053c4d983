using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>Gives every namespace the certificate by which its pods know the API server (pkg/controller/certificates/rootcacertpublisher).</summary>
internal sealed class RootCaController : IController
{
    public const string Name = "kube-root-ca.crt";
    private const string Key = "ca.crt";

    private readonly ControllerContext _context;
    private readonly string _authorityPem;
    private readonly WorkQueue<string> _queue;

    public RootCaController(ControllerContext context, string authorityPem)
    {
        (_context, _authorityPem) = (context, authorityPem);
        _queue = context.NewQueue<string>("RootCa", ReconcileAsync);
        context.Namespaces.Changed += (_, now) =>
        {
            if (now is not null) _queue.Add(now.Metadata.Name);
        };
        context.ConfigMaps.Changed += (before, now) =>
        {
            if ((now ?? before)!.Metadata is { Name: Name } metadata) _queue.Add(metadata.NamespaceProperty);
        };
    }

    public Task RunAsync(CancellationToken ct) => _queue.RunAsync(ct);

    private async Task<TimeSpan?> ReconcileAsync(string name, CancellationToken ct)
    {
        if (_context.Namespaces.Get(null, name) is not { Metadata.DeletionTimestamp: null }) return null;
        var there = _context.ConfigMaps.Get(name, Name);
        if (there?.Data is { Count: 1 } data && data.TryGetValue(Key, out var pem) && pem == _authorityPem) return null;
        var wanted = there?.Clone() ?? new V1ConfigMap { Metadata = new() { Name = Name, NamespaceProperty = name } };
        wanted.Data = new Dictionary<string, string> { [Key] = _authorityPem };
        wanted.Metadata.Annotations = new Dictionary<string, string>
        {
            ["kubernetes.io/description"] = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or "
                + "kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.",
        };
        if (there is null)
            await _context.ConfigMaps.CreateAsync(wanted, ct);
        else
            await _context.ConfigMaps.UpdateAsync(wanted, ct);
        return null;
    }
}
