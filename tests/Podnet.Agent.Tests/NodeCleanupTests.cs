using System.Net;
using Podnet.Core.Model;
using Podnet.Testing;

namespace Podnet.Agent.Tests;

public sealed class NodeCleanupTests : IDisposable
{
    private readonly Kernel _kernel = new();

    public void Dispose() => _kernel.Dispose();

    private (bool Done, string Said) Cleanup() => _kernel.In(() =>
    {
        var output = new StringWriter();
        return (NodeCleanup.Run(output), output.ToString());
    });

    [Fact]
    public void All_that_an_agent_wrote_goes_and_what_others_wrote_stays()
    {
        _kernel.Run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "peer0");
        _kernel.Run("ip", "link", "set", "peer0", "up");
        _kernel.Run("ip", "address", "add", "10.99.0.2/24", "dev", "eth0");
        _kernel.Run("ip", "link", "set", "eth0", "up");
        var before = (Rules(), _kernel.Run("ip", "route"));
        using (var dataplane = new NodeDataplane(new AgentOptions("node-1", "/dev/null") { ProxyMode = ProxyMode.Iptables }))
        {
            _kernel.In(() =>
            {
                foreach (var part in dataplane.Parts)
                    part.Apply(State(), ClusterChanges.Everything, readBack: true);
                dataplane.Parts.OfType<FastPathPart>().Single().Repair();
            });
        }
        _kernel.Run("nft", "add set ip podnet of-a-later-version { type ipv4_addr; }");
        _kernel.Run("iptables", "-A", "INPUT", "-s", "10.1.1.1", "-j", "DROP");
        _kernel.Run("ip", "route", "add", "10.250.0.0/24", "via", "10.99.0.9");
        Assert.Contains("10.240.0.32/27 via 10.99.0.3", _kernel.Run("ip", "route"), StringComparison.Ordinal);
        Assert.Contains("KUBE-SVC-", Rules(), StringComparison.Ordinal);
        Assert.Contains("podnet_fast", _kernel.Run("tc", "filter", "show", "dev", "eth0", "ingress"), StringComparison.Ordinal);

        var (done, said) = Cleanup();

        Assert.True(done, said);
        Assert.Contains("nft: table ip podnet deleted", said, StringComparison.Ordinal);
        Assert.Contains("iptables: nat KUBE-SERVICES deleted", said, StringComparison.Ordinal);
        Assert.Contains("delete route 10.240.0.32/27", said, StringComparison.Ordinal);
        Assert.DoesNotContain("clsact", _kernel.Run("tc", "qdisc", "show", "dev", "eth0"), StringComparison.Ordinal);
        var after = Rules();
        Assert.DoesNotContain("KUBE-", after, StringComparison.Ordinal);
        Assert.Contains("-A INPUT -s 10.1.1.1/32 -j DROP", after, StringComparison.Ordinal);
        Assert.DoesNotContain("podnet", _kernel.Run("nft", "list", "tables"), StringComparison.Ordinal);
        Assert.Equal(before.Item2 + "10.250.0.0/24 via 10.99.0.9 dev eth0 \n", _kernel.Run("ip", "route"));
    }

    [Fact]
    public void Where_nothing_is_there_is_nothing_to_say() => Assert.Equal((true, ""), Cleanup());

    private string Rules() => _kernel.Run("iptables-save");

    private static ClusterState State() => ClusterState.Empty with
    {
        Nodes = ClusterState.Empty.Nodes
            .Add("node-1", new("node-1") { InternalIPs = [IPAddress.Parse("10.99.0.2")], PodCidrs = [IPNetwork.Parse("10.240.0.0/27")] })
            .Add("node-2", new("node-2") { InternalIPs = [IPAddress.Parse("10.99.0.3")], PodCidrs = [IPNetwork.Parse("10.240.0.32/27")] }),
        Services = ClusterState.Empty.Services.Add(
            new("default", "nginx"),
            new Service(new("default", "nginx")) { ClusterIPs = [IPAddress.Parse("10.0.33.45")], Ports = [new("web", Protocol.Tcp, 80, 0)] }),
        EndpointSlices = EndpointSliceIndex.Of(new EndpointSlice(new("default", "nginx-1"), new("default", "nginx"))
        {
            Ports = [new("web", Protocol.Tcp, 80)],
            Endpoints = [new(IPAddress.Parse("10.240.0.28")) { NodeName = "node-1" }],
        }),
    };
}
