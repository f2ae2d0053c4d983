using k8s.Models;
using Podnet.Kubernetes;

namespace Podnet.Local.Kubelet;

/// <summary>What pods refer to, read when it is needed. Null where there is none of that name.</summary>
internal interface IPodObjects
{
    Task<V1ConfigMap?> ConfigMapAsync(string @namespace, string name);

    Task<V1Secret?> SecretAsync(string @namespace, string name);

    Task<IReadOnlyList<V1Service>> ServicesAsync(string @namespace);

    /// <summary>A new token of the pod's service account, bound to the pod.</summary>
    /// <param name="audience">Null for the API server.</param>
    /// <exception cref="ContainerConfigException">There is no such account.</exception>
    Task<V1TokenRequestStatus> TokenAsync(V1Pod pod, string? audience, long seconds);
}

/// <summary>From the API server.</summary>
internal sealed class ApiPodObjects(ApiClient client) : IPodObjects
{
    public Task<V1ConfigMap?> ConfigMapAsync(string @namespace, string name) =>
        AskAsync(() => client.GetAsync(Resources.ConfigMaps, @namespace, name, CancellationToken.None));

    public Task<V1Secret?> SecretAsync(string @namespace, string name) =>
        AskAsync(() => client.GetAsync(Resources.Secrets, @namespace, name, CancellationToken.None));

    public async Task<IReadOnlyList<V1Service>> ServicesAsync(string @namespace) =>
        await AskAsync(() => client.ListAsync(Resources.Services, @namespace, null, CancellationToken.None));

    public Task<V1TokenRequestStatus> TokenAsync(V1Pod pod, string? audience, long seconds)
    {
        var spec = new V1TokenRequestSpec
        {
            Audiences = audience is null ? [] : [audience],
            ExpirationSeconds = seconds,
            BoundObjectRef = new V1BoundObjectReference { ApiVersion = "v1", Kind = "Pod", Name = pod.Metadata.Name, Uid = pod.Metadata.Uid },
        };
        return AskAsync(() => client.CreateTokenAsync(pod.Metadata.NamespaceProperty, pod.Spec.ServiceAccountName ?? "default", spec, CancellationToken.None));
    }

    /// <summary>An API server that is away is an ordinary failure of this one start, which is tried again.</summary>
    private static async Task<T> AskAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            throw new ContainerConfigException(e.Message, mayChange: true);
        }
        catch (ApiException e)
        {
            throw new IOException(e.Message, e);
        }
    }
}
