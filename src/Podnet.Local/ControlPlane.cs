using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
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

        var token = ApiServerOptions.NewToken();
        var certificate = ServingCertificate.Create([IPAddress.Loopback, .. fabric.Gateways], DateTimeOffset.UtcNow);
        var local = Bind(IPAddress.Loopback, spec.ApiServerPort);
        var port = ((IPEndPoint)local.LocalEndPoint!).Port;
        fabric.Create();
        var onFabric = InFabric(() => fabric.Gateways.Select(gateway => Bind(gateway, port)).ToList());
        KubeconfigFile.Write(paths.NodeKubeconfig, $"podnet-{paths.Cluster}", new Uri($"https://{new IPEndPoint(fabric.Gateways[0], port)}"), certificate.AuthorityPem, token);
        using var store = ObjectStore.Open(paths.Objects, new ResourceTable(spec.ServiceCidrs).All);
        var pods = new KubeletDirectory();
        var serving = ApiServerHost.StartAsync(
            new ApiServerOptions
            {
                Listeners = [local, .. onFabric],
                Token = token,
                Certificate = certificate,
                ServiceCidrs = spec.ServiceCidrs,
                Logging = loggers,
                Pods = pods,
            },
            store,
            cancel);

        var server = new Uri($"https://127.0.0.1:{port}");
        var ownKubeconfig = $"{paths.Run}/control-plane-kubeconfig";
        KubeconfigFile.Write(ownKubeconfig, $"podnet-{paths.Cluster}", server, certificate.AuthorityPem, token);
        using var client = ApiClient.FromKubeconfig(ownKubeconfig);
        var machines = new NodeMachines(paths, spec, fabric, companions, client, pods, loggers);
        foreach (var node in spec.Nodes)
            machines.Prepare(node);
        steps.WriteLine($"fabric {ClusterSpecRules.Text(spec.NodeCidrs)} and {spec.Nodes.Length} nodes made");

        await using var api = await serving;
        foreach (var node in spec.Nodes)
            await client.CreateAsync(Resources.Nodes, NodeObjects.Make(node), cancel);
        // Who finds this file finds a server that answers.
        KubeconfigFile.Write(paths.Kubeconfig, $"podnet-{paths.Cluster}", server, certificate.AuthorityPem, token);
        steps.WriteLine($"API server answers at https://127.0.0.1:{port}");
        steps.WriteLine(ControlPlaneProcess.ReadyLine);
        steps.Close();

        var controllers = new ControllerManager(client, new ControllerOptions(spec.PodCidrs) { LoadBalancers = fabric }, loggers);
        await Task.WhenAny(controllers.RunAsync(cancel), machines.RunAsync(cancel)).Unwrap();
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
