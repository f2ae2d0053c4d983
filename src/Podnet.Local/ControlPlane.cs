using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Podnet.Core.Model;
using Podnet.Kubernetes;
using Podnet.Linux;
using Podnet.Local.ApiServer;
using Podnet.Local.Config;
using Podnet.Local.Controllers;
using Podnet.Local.Fabric;

namespace Podnet.Local;

/// <summary>
/// One process that is everything of a local cluster but the agents: API server, controllers, the nodes' machines and kubelets.
/// </summary>
public sealed class ControlPlane(ClusterPaths paths, Companions companions, ILoggerFactory loggers)
{
    private const string TmpfsSize = "2g"; // arbitrary: an upper bound for what all containers write; only what is used is taken

    /// <summary>Runs until cancelled.</summary>
    /// <param name="steps">Gets a line for each finished step, and <see cref="ControlPlaneProcess.ReadyLine"/> once the API server answers.</param>
    public async Task RunAsync(TextWriter steps, CancellationToken cancel)
    {
        var record = ClusterRecord.Load(paths) ?? throw new InvalidOperationException($"{paths.Record} is gone");
        var spec = record.Spec;
        var fabric = new FabricNetwork(paths, spec.NodeCidrs);
        ChildProcess.BecomeSubreaper(); // the containers' processes come to us when runc has started them
        Directory.CreateDirectory(paths.Run);
        Mounts.Tmpfs(paths.Run, TmpfsSize);

        await File.WriteAllTextAsync(paths.ControlPlanePid, $"{Environment.ProcessId}", cancel);

        var table = new ResourceTable(spec.ServiceCidrs);
        using var store = ObjectStore.Open(paths.Objects, table.All);
        var (identity, local) = Identify(spec, fabric);
        using var certificate = identity.Certificate();
        using var tokenKey = identity.TokenKey();
        var port = identity.Port;
        if (record.CameUp)
            await new AfterStop(table, DateTimeOffset.UtcNow).SayAsync(store);
        var nodes = record.CameUp ? KnownNodes(store, table) : [.. spec.Nodes.Select(node => (node.Name, ImmutableArray<IPAddress>.Empty))];

        fabric.Create();
        var onFabric = InFabric(() => fabric.Gateways.Select(gateway => Bind(gateway, port)).ToList());
        var name = $"podnet-{paths.Cluster}";
        KubeconfigFile.Write(paths.NodeKubeconfig, name, new Uri($"https://{new IPEndPoint(fabric.Gateways[0], port)}"), identity.AuthorityPem, identity.Token);
        var pods = new KubeletDirectory();
        var serving = ApiServerHost.StartAsync(
            new ApiServerOptions
            {
                Listeners = [local, .. onFabric],
                Token = identity.Token,
                Certificate = certificate,
                TokenKey = tokenKey,
                ServiceCidrs = spec.ServiceCidrs,
                Logging = loggers,
                Pods = pods,
            },
            store,
            cancel);

        var server = new Uri($"https://127.0.0.1:{port}");
        var ownKubeconfig = $"{paths.Run}/control-plane-kubeconfig";
        KubeconfigFile.Write(ownKubeconfig, name, server, identity.AuthorityPem, identity.Token);
        using var client = ApiClient.FromKubeconfig(ownKubeconfig);
        var machines = new NodeMachines(paths, spec, fabric, companions, client, pods, loggers);
        foreach (var (node, addresses) in nodes)
            machines.Prepare(node, addresses);
        steps.WriteLine($"fabric {ClusterSpecRules.Text(spec.NodeCidrs)} and {nodes.Count} nodes made");

        await using var api = await serving;
        var service = spec.Dns ? new KubernetesService(KubernetesAddress(spec), new IPEndPoint(fabric.Gateways[0], port)) : null;
        if (!record.CameUp)
        {
            foreach (var node in spec.Nodes)
                await client.CreateAsync(Resources.Nodes, NodeObjects.Make(node), cancel);
            if (spec.Dns)
                await ClusterDns.CreateObjectsAsync(client, spec, fabric.Gateways, cancel);
            if (service is not null)
                await KubernetesServiceController.EnsureAsync(client, service, cancel);
            ClusterRecord.NoteCameUp(paths);
        }

        // Who finds this file finds a server that answers.
        KubeconfigFile.Write(paths.Kubeconfig, name, server, identity.AuthorityPem, identity.Token);
        steps.WriteLine($"API server answers at https://127.0.0.1:{port}");
        steps.WriteLine(ControlPlaneProcess.ReadyLine);
        steps.Close();

        var controllers = new ControllerManager(client, new ControllerOptions(spec.PodCidrs, identity.AuthorityPem) { LoadBalancers = fabric, Kubernetes = service }, loggers);
        List<Task> parts = [controllers.RunAsync(cancel), machines.RunAsync(cancel)];
        if (spec.Dns)
            parts.Add(ClusterDns.RunAsync(paths.FabricNamespace, fabric.Gateways, client, loggers.CreateLogger("dns"), cancel));
        await Task.WhenAny(parts).Unwrap();
    }

    /// <summary>Of default/kubernetes: the first of the Service CIDR, as in every cluster.</summary>
    private static IPAddress KubernetesAddress(ClusterSpec spec) => spec.ServiceCidrs[0].At(1);

    /// <summary>Who the API server is, and the socket at 127.0.0.1 that it is known by: as it was, or made now.</summary>
    private (ClusterIdentity Identity, Socket Local) Identify(ClusterSpec spec, FabricNetwork fabric)
    {
        if (ClusterIdentity.Load(paths) is { } known)
            return (known, BindLocal(known.Port));
        var local = BindLocal(spec.ApiServerPort);
        using var certificate = ServingCertificate.Create([.. fabric.Gateways, KubernetesAddress(spec)], DateTimeOffset.UtcNow);
        var made = ClusterIdentity.Of(((IPEndPoint)local.LocalEndPoint!).Port, ApiServerOptions.NewToken(), certificate);
        made.Save(paths);
        return (made, local);
    }

    /// <summary>Each node and the addresses that it had on the fabric, by its Node object: those that have some come first, so that nobody takes theirs.</summary>
    private static List<(string Name, ImmutableArray<IPAddress> Addresses)> KnownNodes(ObjectStore store, ResourceTable table) =>
    [
        .. store.Snapshot(table.Find("", "v1", "nodes")!).Objects.Values
            .Select(stored => (stored.Name.Name, Addresses: AddressesOf(ObjectJson.Parse(stored.Json))))
            .OrderBy(node => node.Addresses.IsEmpty),
    ];

    private static ImmutableArray<IPAddress> AddressesOf(JsonObject node) =>
    [
        .. node["status"].Items("addresses").Where(a => a.Text("type") == "InternalIP")
            .Select(a => IPAddress.TryParse(a.Text("address"), out var address) ? address : IPAddress.None),
    ];

    private static Socket BindLocal(int port)
    {
        try
        {
            return Bind(IPAddress.Loopback, port);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new IOException($"127.0.0.1:{port}, which the cluster's kubeconfig names, is taken by another program: end that one, and start the cluster again", e);
        }
    }

    private static Socket Bind(IPAddress address, int port)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(address, port));
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private List<Socket> InFabric(Func<List<Socket>> make)
    {
        using var inside = NetworkNamespace.OpenNamed(paths.FabricNamespace);
        return inside.Run(make);
    }
}
