using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Kubernetes;

namespace Podnet.Local.Kubelet;

/// <summary>The heartbeat of a node: a Lease of its name in kube-node-lease, which `kubectl describe node` shows.</summary>
internal sealed class NodeLease(ApiClient client, V1Node node, ILogger logger)
{
    private const string Namespace = "kube-node-lease";

    /// <summary>The kubelet's nodeLeaseDurationSeconds; it renews after a quarter of it.</summary>
    private const int Seconds = 40;

    public async Task RunAsync(CancellationToken ct)
    {
        using var period = new PeriodicTimer(TimeSpan.FromSeconds(Seconds / 4));
        do
        {
            try
            {
                await RenewAsync(ct);
            }
            catch (ApiException e)
            {
                logger.NotTold($"lease of node {node.Metadata.Name}, will be renewed again", e.Message);
            }
        }
        while (await period.WaitForNextTickAsync(ct));
    }

    /// <summary>Of a node that has left.</summary>
    public static async Task RemoveAsync(ApiClient client, string node, ILogger logger)
    {
        try
        {
            await client.DeleteAsync(Resources.Leases, Namespace, node, gracePeriodSeconds: null, CancellationToken.None);
        }
        catch (ApiException e)
        {
            logger.NotTold($"that the lease of node {node} has ended", e.Message);
        }
    }

    private async Task RenewAsync(CancellationToken ct)
    {
        var spec = new V1LeaseSpec { HolderIdentity = node.Metadata.Name, LeaseDurationSeconds = Seconds, RenewTime = DateTime.UtcNow };
        if (await client.GetAsync(Resources.Leases, Namespace, node.Metadata.Name, ct) is { } lease)
        {
            lease.Spec = spec;
            await client.UpdateAsync(Resources.Leases, lease, ct);
            return;
        }
        var owner = new V1OwnerReference { ApiVersion = "v1", Kind = V1Node.KubeKind, Name = node.Metadata.Name, Uid = node.Metadata.Uid };
        await client.CreateAsync(Resources.Leases, new V1Lease
        {
            Metadata = new V1ObjectMeta { Name = node.Metadata.Name, NamespaceProperty = Namespace, OwnerReferences = [owner] },
            Spec = spec,
        }, ct);
    }
}
