using System.Net;
using k8s.Models;
using Podnet.Linux;
using Podnet.Local.Check;
using Podnet.Testing;

namespace Podnet.Local.Tests.Check;

/// <summary>From a cluster's objects and what it has on the machine to the places that can be checked.</summary>
public sealed class CheckTargetsTests : IDisposable
{
    private readonly ClusterPaths _paths = new("t" + Guid.NewGuid().ToString("N")[..8]);
    private readonly ChildProcess _sandbox;

    public CheckTargetsTests()
    {
        AddNamespace(_paths.NodeNamespace("node-1"), "10.99.0.2/24");
        AddNamespace(_paths.OutsideNamespace, "10.99.0.254/24");
        _sandbox = ChildProcess.Start(new ProcessStart("unshare", ["--net", "sleep", "1000"]));
        Directory.CreateDirectory(_paths.Sandboxes);
        File.WriteAllText($"{_paths.Sandboxes}/default_running", $"{_sandbox.Pid}");
    }

    public void Dispose()
    {
        _sandbox.Kill(Signals.Kill);
        Directory.Delete(_paths.Run, recursive: true);
        NetworkNamespace.DeleteNamed(_paths.NodeNamespace("node-1"));
        NetworkNamespace.DeleteNamed(_paths.OutsideNamespace);
    }

    [Fact]
    public void What_has_a_network_becomes_a_place_and_what_has_none_is_named_with_the_reason()
    {
        using var targets = CheckTargets.Open(
            _paths,
            [Node("node-1", "10.99.0.2"), Node("node-9", "10.99.0.10")],
            [
                Pod("running", "Running", "10.240.0.28"), Pod("young", "Pending", null), Pod("lost", "Running", "10.240.0.29"),
                Pod("host", "Running", "10.99.0.2", hostNetwork: true),
            ],
            [new V1Service { Metadata = Meta("broken"), Spec = new V1ServiceSpec { ClusterIP = "10.0.0.1", Type = "Sideways" } }],
            [],
            Podnet.Core.Model.IPFamily.V4);

        Assert.Equal(
            [
                new Place(PlaceKind.Node, "node-1", IPAddress.Parse("10.99.0.2"), "node-1"),
                new Place(PlaceKind.Pod, "default/running", IPAddress.Parse("10.240.0.28"), "node-1"),
                new Place(PlaceKind.Outside, "outside", IPAddress.Parse("10.99.0.254"), null),
            ],
            targets.Places);
        Assert.Equal(
            [
                ("service/default/broken", true), ("node/node-9", true), ("pod/default/lost", true), ("pod/default/young", false),
            ],
            targets.NotChecked.Select(item => (item.What, item.IsFault)));
        Assert.Contains("its phase is Pending", targets.NotChecked.Select(item => item.Why));
        Assert.Contains("it is Running, but has no sandbox on this machine", targets.NotChecked.Select(item => item.Why));
    }

    private static void AddNamespace(string name, string address)
    {
        using var made = NetworkNamespace.CreateNamed(name);
        made.Run(() =>
        {
            Tool.Run("ip", "link", "add", "eth0", "type", "bridge");
            Tool.Run("ip", "address", "add", address, "dev", "eth0");
            Tool.Run("ip", "link", "set", "eth0", "up");
        });
    }

    private static V1Node Node(string name, string address) => new()
    {
        Metadata = new V1ObjectMeta { Name = name },
        Status = new V1NodeStatus { Addresses = [new V1NodeAddress { Type = "InternalIP", Address = address }] },
    };

    private static V1Pod Pod(string name, string phase, string? address, bool hostNetwork = false) => new()
    {
        Metadata = Meta(name),
        Spec = new V1PodSpec { NodeName = "node-1", HostNetwork = hostNetwork },
        Status = new V1PodStatus { Phase = phase, PodIP = address },
    };

    private static V1ObjectMeta Meta(string name) => new() { Name = name, NamespaceProperty = "default" };
}
