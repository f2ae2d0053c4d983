using k8s;
using k8s.Models;
using Podnet.Kubernetes;

namespace Podnet.Local.Controllers;

/// <summary>What StatefulSets and ReplicaSets do to pods, with an Event on the owner for each.</summary>
internal sealed class PodWriter<TOwner>(ControllerContext context, Resource<TOwner> kind)
    where TOwner : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary>Requests at a time for one owner. Arbitrary.</summary>
    private const int Parallelism = 8;

    public Task CreateAsync(TOwner owner, IEnumerable<V1Pod> pods, CancellationToken ct) => ForEachAsync(pods, ct, async (pod, token) =>
    {
        try
        {
            await context.Pods.CreateAsync(pod, token);
        }
        catch (ApiException e) when (e.Code != 0)
        {
            context.Events.Warning(kind, owner, "FailedCreate", $"Error creating: {e.Message}");
            throw;
        }
        context.Events.Normal(kind, owner, "SuccessfulCreate", $"Created pod: {pod.Metadata.Name}");
    });

    public Task DeleteAsync(TOwner owner, IEnumerable<V1Pod> pods, CancellationToken ct) => ForEachAsync(pods, ct, async (pod, token) =>
    {
        await context.Pods.DeleteAsync(pod.Metadata, token);
        context.Events.Normal(kind, owner, "SuccessfulDelete", $"Deleted pod: {pod.Metadata.Name}");
    });

    private static Task ForEachAsync(IEnumerable<V1Pod> pods, CancellationToken ct, Func<V1Pod, CancellationToken, ValueTask> act) =>
        Parallel.ForEachAsync(pods, new ParallelOptions { MaxDegreeOfParallelism = Parallelism, CancellationToken = ct }, act);
}
