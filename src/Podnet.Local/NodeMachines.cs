using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Core.Model;
using Podnet.Core.Routes;
using Podnet.Kubernetes;
using Podnet.Local.Config;
using Podnet.Local.Fabric;
using Podnet.Local.Images;
using Podnet.Local.Kubelet;

namespace Podnet.Local;

/// <summary>
/// For each Node object a machine: a namespace on the fabric, the agent's process in it, and a kubelet. A Node that appears gets
/// one, a Node that is deleted loses it, so that a node joins and leaves as any other object does.
/// </summary>
internal sealed partial class NodeMachines(
    ClusterPaths paths, ClusterSpec spec, FabricNetwork fabric, Companions companions, ApiClient client, KubeletDirectory pods,
    ILoggerFactory loggers)
{
    private readonly ILogger _log = loggers.CreateLogger<NodeMachines>();
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Machine> _machines = [];
    private readonly ConcurrentDictionary<string, Task> _ends = new();
    private readonly ImageService _images = new(new ImageStore(ImageStore.DefaultFolder), paths.Pulls);

    /// <summary>Makes the host and starts the agent of a node, before its Node object exists: it need not wait for the API server.</summary>
    /// <param name="addresses">Those that it had; empty for a new node.</param>
    public void Prepare(string node, ImmutableArray<IPAddress> addresses)
    {
        lock (_gate)
            Start(node, addresses);
    }

    /// <summary>Follows the Node objects until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        var nodes = new Informer<V1Node>(client, Resources.Nodes, loggers.CreateLogger<Informer<V1Node>>())
        {
            Changed = (before, now) => OnChanged(before, now, cancel),
        };
        await nodes.RunAsync(cancel);
    }

    private void OnChanged(V1Node? before, V1Node? now, CancellationToken cancel)
    {
        if (before is not null && now is not null && before.Metadata.Uid == now.Metadata.Uid)
            return;
        lock (_gate)
        {
            if (before is not null && _machines.Remove(before.Metadata.Name, out var gone))
                _ends[gone.Name] = StopAsync(gone);
            if (now is null)
                return;
            if (!_machines.TryGetValue(now.Metadata.Name, out var machine))
                machine = Start(now.Metadata.Name, []);
            if (machine is { Kubelet: null })
                RunKubelet(machine, cancel);
        }
    }

    /// <summary>Null where there is no room: the Node stays without a machine, and the log says why.</summary>
    private Machine? Start(string name, ImmutableArray<IPAddress> known)
    {
        if (_ends.TryRemove(name, out var end))
            end.GetAwaiter().GetResult(); // the machine of that name is still being taken away

        var taken = _machines.Values.Select(m => m.Addresses[0]).ToHashSet();
        ImmutableArray<IPAddress>? addresses = fabric.IsHost(known) && !taken.Contains(known[0]) ? known : null;
        for (var place = 0; fabric.HostAddresses(place) is { } candidate && addresses is null; place++)
            addresses = taken.Contains(candidate[0]) ? null : candidate;
        if (ClusterSpecRules.NodeNameFault(name) is { } fault)
        {
            LogUnusableName(name, fault);
            return null;
        }

        if (addresses is not { } own)
        {
            LogFabricFull(name, ClusterSpecRules.Text(spec.NodeCidrs));
            return null;
        }

        var @namespace = paths.NodeNamespace(name);
        ClusterRecord.AddNamespace(paths, @namespace);
        fabric.AddHost(@namespace, own, name);
        var machine = new Machine(name, own, new CancellationTokenSource());
        var agent = new AgentProcess(paths, name, spec, companions.Podnet);
        machine.Agent = Task.Run(() => agent.RunAsync(machine.Stop.Token));
        return _machines[name] = machine;
    }

    private void RunKubelet(Machine machine, CancellationToken cancel)
    {
        var options = new KubeletOptions
        {
            NodeName = machine.Name,
            Paths = paths,
            PluginPath = companions.CniPlugin,
            PausePath = companions.Pause,
            Images = _images,
            Addresses = [.. machine.Addresses.Select(address => address.ToString())],
            PodMtu = PodMtu,
            ClusterDns = [.. ClusterDns.Addresses(spec).Select(address => address.ToString())],
        };
        var kubelet = machine.Kubelet = new Kubelet.Kubelet(options, client, loggers.CreateLogger($"kubelet {machine.Name}"));
        pods.Add(machine.Name, kubelet);
        var stop = CancellationTokenSource.CreateLinkedTokenSource(machine.Stop.Token, cancel);
        machine.KubeletRuns = Task.Run(() => kubelet.RunAsync(stop.Token), stop.Token);
    }

    /// <summary>All nodes are on the fabric, so what is not VXLAN by name is direct.</summary>
    private int? PodMtu => spec.PodNetwork == "vxlan" ? VxlanOverlay.MtuWithin(FabricNetwork.Mtu, spec.NodeCidrs[0].Family()) : null;

    private async Task StopAsync(Machine machine)
    {
        try
        {
            pods.Remove(machine.Name);
            await machine.Stop.CancelAsync();
            await EndedAsync(machine.KubeletRuns);
            if (machine.Kubelet is { } kubelet)
                await kubelet.RemovePodsAsync();
            await EndedAsync(machine.Agent);
            fabric.RemoveHost(paths.NodeNamespace(machine.Name));
        }
        catch (Exception e)
        {
            LogNotRemoved(e, machine.Name);
        }
    }

    /// <summary>Waits for its end; that it was cancelled, or had failed before, is no reason not to take the rest away.</summary>
    private static Task EndedAsync(Task? task) =>
        (task ?? Task.CompletedTask).ContinueWith(_ => { }, TaskScheduler.Default);

    [LoggerMessage(1, LogLevel.Error, "node {Node} gets no machine: {Fault}")]
    private partial void LogUnusableName(string node, string fault);

    [LoggerMessage(2, LogLevel.Error, "node {Node} gets no machine: the fabric {Cidr} is full")]
    private partial void LogFabricFull(string node, string cidr);

    [LoggerMessage(3, LogLevel.Error, "the machine of node {Node} is not all taken away; 'podnet down' will do it")]
    private partial void LogNotRemoved(Exception error, string node);

    private sealed record Machine(string Name, ImmutableArray<IPAddress> Addresses, CancellationTokenSource Stop)
    {
        public Task? Agent { get; set; }

        public Kubelet.Kubelet? Kubelet { get; set; }

        public Task? KubeletRuns { get; set; }
    }
}
