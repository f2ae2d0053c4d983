using System.Collections.Immutable;
using System.Net;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Core.Model;
using Podnet.Dns;
using Podnet.Kubernetes;
using Podnet.Linux;
using Podnet.Local.Config;
using Podnet.Local.Controllers;

namespace Podnet.Local;

/// <summary>
/// The cluster's DNS server: on the fabric, where the API server is, and for pods and nodes behind a Service without a selector, as any
/// server beside a cluster may be.
/// </summary>
internal static class ClusterDns
{
    /// <summary>As kubeadm names it, and so where tools look for it.</summary>
    private const string Namespace = "kube-system", Name = "kube-dns";

    /// <summary>Its place in each Service CIDR, by kubeadm's custom.</summary>
    private const uint Place = 10;

    /// <summary>The cluster IPs of its Service, one of each family; the last but one of a network that has no tenth.</summary>
    public static ImmutableArray<IPAddress> Addresses(ClusterSpec spec) => spec.Dns
        ? [.. spec.ServiceCidrs.Select(cidr => cidr.At(UInt128.Min(Place, cidr.Size() - 2)))]
        : [];

    /// <summary>Answers on the fabric until cancelled. Names that are not the cluster's there are none: no packet leaves the cluster.</summary>
    public static Task RunAsync(string fabricNamespace, ImmutableArray<IPAddress> addresses, ApiClient client, ILogger logger, CancellationToken cancel) =>
        new DnsServer(new DnsOptions(), client, logger).RunAsync(Listen(fabricNamespace, addresses), cancel);

    private static List<DnsListener> Listen(string fabricNamespace, ImmutableArray<IPAddress> addresses)
    {
        using var fabric = NetworkNamespace.OpenNamed(fabricNamespace);
        return fabric.Run(() => addresses.Select(address => DnsListener.Open(new IPEndPoint(address, DnsOptions.Port))).ToList());
    }

    /// <param name="servers">Where it listens.</param>
    public static async Task CreateObjectsAsync(ApiClient client, ClusterSpec spec, ImmutableArray<IPAddress> servers, CancellationToken cancel)
    {
        var addresses = Addresses(spec);
        await client.CreateAsync(Resources.Services, Service(addresses), cancel);
        await Task.WhenAll(servers.Select(server => client.CreateAsync(Resources.EndpointSlices, Endpoints(server), cancel)));
    }

    private static V1Service Service(ImmutableArray<IPAddress> addresses) => new()
    {
        Metadata = new V1ObjectMeta
        {
            Name = Name,
            NamespaceProperty = Namespace,
            Labels = new Dictionary<string, string> { ["k8s-app"] = Name, ["kubernetes.io/cluster-service"] = "true" },
        },
        Spec = new V1ServiceSpec
        {
            ClusterIP = addresses[0].ToString(),
            ClusterIPs = [.. addresses.Select(address => address.ToString())],
            IpFamilyPolicy = addresses.Length > 1 ? "RequireDualStack" : "SingleStack",
            Ports =
            [
                new V1ServicePort { Name = "dns", Protocol = "UDP", Port = DnsOptions.Port, TargetPort = DnsOptions.Port },
                new V1ServicePort { Name = "dns-tcp", Protocol = "TCP", Port = DnsOptions.Port, TargetPort = DnsOptions.Port },
            ],
        },
    };

    private static V1EndpointSlice Endpoints(IPAddress server) => new()
    {
        Metadata = new V1ObjectMeta
        {
            Name = $"{Name}-{server.Family().Name().ToLowerInvariant()}",
            NamespaceProperty = Namespace,
            Labels = new Dictionary<string, string> { [WellKnown.ServiceName] = Name, [WellKnown.ManagedBy] = "podnet.dev" },
        },
        AddressType = server.Family().Name(),
        Endpoints = [new V1Endpoint { Addresses = [server.ToString()], Conditions = new V1EndpointConditions { Ready = true } }],
        Ports =
        [
            new Discoveryv1EndpointPort { Name = "dns", Protocol = "UDP", Port = DnsOptions.Port },
            new Discoveryv1EndpointPort { Name = "dns-tcp", Protocol = "TCP", Port = DnsOptions.Port },
        ],
    };
}
