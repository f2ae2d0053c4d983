using System.Diagnostics;
using k8s.Models;
using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Kubernetes;
using Podnet.Linux;
using Podnet.Netlink.Nftables;
using Service = Podnet.Core.Model.Service;

namespace Podnet.Bench;

/// <summary>The same Services in a running cluster's API server, whose agent watches them.</summary>
internal static class ApiServer
{
    /// <summary>Requests at once: arbitrary.</summary>
    private const int Parallel = 16;

    /// <returns>Objects a second.</returns>
    public static async Task<double> FillAsync(string kubeconfig, int services, int endpoints)
    {
        using var client = ApiClient.FromKubeconfig(kubeconfig);
        var state = Cluster.State(services, endpoints);
        var began = Stopwatch.GetTimestamp();
        await System.Threading.Tasks.Parallel.ForEachAsync(
            state.Services.Values, new ParallelOptions { MaxDegreeOfParallelism = Parallel }, async (service, ct) =>
            {
                await client.CreateAsync(Resources.Services, Object(service), ct);
                await client.CreateAsync(Resources.EndpointSlices, Object(state.SlicesOf(service.Name)[0]), ct);
            });
        return 2 * services / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    /// <summary>From sending an EndpointSlice to the agent's commit in the node's kernel. Median and 99th percentile, in milliseconds.</summary>
    public static async Task<double[]> WatchAsync(string kubeconfig, string nodeNamespace, int services, int endpoints, int times)
    {
        using var client = ApiClient.FromKubeconfig(kubeconfig);
        using var node = NetworkNamespace.OpenNamed(nodeNamespace);
        using var events = node.Run(() => new NftablesEvents());
        var took = new List<double>(times);
        for (var i = 0; i < times; i++)
        {
            var service = i * 7919 % services;
            var slice = Object(Cluster.Slice(service, [.. Enumerable.Range(service * endpoints, endpoints - 1), (services * endpoints) + i]));
            var began = Stopwatch.GetTimestamp();
            var update = client.UpdateAsync(Resources.EndpointSlices, slice, CancellationToken.None);
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            while (!events.Receive(patience.Token).Any(happened => happened.Subject == NftablesSubject.Element && happened.Table?.Name == ServiceTable.Name))
            {
            }
            took.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            await update;
            await Task.Delay(20); // The next one is a change of its own, not part of a burst.
            events.ReceiveIfReady();
        }
        return Changes.Percentiles(took);
    }

    private static V1Service Object(Service service) => new()
    {
        ApiVersion = "v1",
        Kind = "Service",
        Metadata = new() { Name = service.Name.Name, NamespaceProperty = service.Name.Namespace },
        Spec = new()
        {
            ClusterIP = service.ClusterIPs[0].ToString(),
            Ports = [new() { Name = service.Ports[0].Name, Port = service.Ports[0].Port, TargetPort = Cluster.TargetPort, Protocol = "TCP" }],
        },
    };

    private static V1EndpointSlice Object(EndpointSlice slice) => new()
    {
        ApiVersion = "discovery.k8s.io/v1",
        Kind = "EndpointSlice",
        AddressType = "IPv4",
        Metadata = new()
        {
            Name = slice.Name.Name,
            NamespaceProperty = slice.Name.Namespace,
            Labels = new Dictionary<string, string> { ["kubernetes.io/service-name"] = slice.ServiceName.Name },
        },
        Ports = [new() { Name = slice.Ports[0].Name, Port = slice.Ports[0].Port, Protocol = "TCP" }],
        Endpoints =
        [
            .. slice.Endpoints.Select(endpoint => new V1Endpoint
            {
                Addresses = [endpoint.Address.ToString()],
                Conditions = new() { Ready = true },
                NodeName = endpoint.NodeName,
            }),
        ],
    };
}
