using System.Net;
using k8s;
using k8s.Models;
using Podnet.Core.Model;
using Podnet.Kubernetes;

namespace Podnet.Local.Controllers;

/// <summary>Where pods find the API server.</summary>
/// <param name="ClusterIP">Of the Service default/kubernetes.</param>
/// <param name="Server">Where the server listens.</param>
public sealed record KubernetesService(IPAddress ClusterIP, IPEndPoint Server);

/// <summary>
/// The Service default/kubernetes with its EndpointSlice and Endpoints: makes them, and puts back what somebody changes or deletes, as an API
/// server does (pkg/controlplane/controller/kubernetesservice).
/// </summary>
internal sealed class KubernetesServiceController : IController
{
    private const string Namespace = "default", Name = "kubernetes", PortName = "https", Protocol = "TCP";
    private const int Port = 443;

    private readonly WorkQueue<string> _queue;

    public KubernetesServiceController(ControllerContext context, KubernetesService wanted)
    {
        _queue = context.NewQueue<string>("KubernetesService", async (_, ct) =>
        {
            await EnsureAsync(context.Client, wanted, ct);
            return null;
        });
        Follow(context.Services);
        Follow(context.EndpointSlices);
        Follow(context.Endpoints);
        _queue.Add(Name);
    }

    public Task RunAsync(CancellationToken ct) => _queue.RunAsync(ct);

    public static async Task EnsureAsync(ApiClient client, KubernetesService wanted, CancellationToken ct)
    {
        var (address, port) = (wanted.Server.Address, wanted.Server.Port);
        await EnsureAsync(client, Resources.Services, new V1Service { Metadata = Metadata(), Spec = new() }, service =>
        {
            service.Metadata.Labels = new Dictionary<string, string> { ["component"] = "apiserver", ["provider"] = Name };
            service.Spec.ClusterIP ??= $"{wanted.ClusterIP}";
            service.Spec.Selector = null;
            service.Spec.Ports = [new V1ServicePort { Name = PortName, Port = Port, Protocol = Protocol, TargetPort = port }];
        }, ct);
        await EnsureAsync(client, Resources.EndpointSlices, new V1EndpointSlice { Metadata = Metadata(), AddressType = address.Family().Name() }, slice =>
        {
            slice.Metadata.Labels = new Dictionary<string, string> { [WellKnown.ServiceName] = Name };
            slice.Endpoints = [new V1Endpoint { Addresses = [$"{address}"], Conditions = new() { Ready = true } }];
            slice.Ports = [new Discoveryv1EndpointPort { Name = PortName, Port = port, Protocol = Protocol }];
        }, ct);
        await EnsureAsync(client, Resources.Endpoints, new V1Endpoints { Metadata = Metadata() }, endpoints =>
        {
            endpoints.Metadata.Labels = new Dictionary<string, string> { [EndpointsPlan.SkipMirror] = "true" };
            endpoints.Subsets =
            [
                new V1EndpointSubset
                {
                    Addresses = [new V1EndpointAddress { Ip = $"{address}" }],
                    Ports = [new Corev1EndpointPort { Name = PortName, Port = port, Protocol = Protocol }],
                },
            ];
        }, ct);
    }

    private static V1ObjectMeta Metadata() => new() { Name = Name, NamespaceProperty = Namespace };

    private void Follow<T>(ObjectCache<T> cache)
        where T : class, IKubernetesObject<V1ObjectMeta> =>
        cache.Changed += (before, now) =>
        {
            if ((now ?? before)!.Metadata is { Name: Name, NamespaceProperty: Namespace }) _queue.Add(Name);
        };

    /// <param name="set">Makes of any object of the kind the wanted one.</param>
    private static async Task EnsureAsync<T>(ApiClient client, Resource<T> resource, T fresh, Action<T> set, CancellationToken ct)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        if (await client.GetAsync(resource, Namespace, Name, ct) is not { } there)
        {
            set(fresh);
            await client.CreateAsync(resource, fresh, ct);
            return;
        }

        var wanted = there.Clone();
        set(wanted);
        if (!Objects.Same(wanted, there))
            await client.UpdateAsync(resource, wanted, ct);
    }
}
