using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Routes;
using Podnet.Testing;

namespace Podnet.Agent.Tests;

public sealed class FastPathPartTests : IDisposable
{
    private static readonly ClusterState State = ClusterState.Empty with
    {
        Nodes = ClusterState.Empty.Nodes.Add("node-1", new("node-1") { InternalIPs = [IPAddress.Parse("10.99.0.2")], PodCidrs = [IPNetwork.Parse("10.240.0.0/27")] }),
    };

    private readonly Kernel _kernel = new();
    private readonly RecordingLogger _logger = new();

    public FastPathPartTests()
    {
        _kernel.Run("ip", "link", "add", "eth0", "up", "type", "veth", "peer", "name", "peer0");
        _kernel.Run("ip", "address", "add", "10.99.0.2/24", "dev", "eth0");
    }

    public void Dispose() => _kernel.Dispose();

    [Fact]
    public void It_is_on_from_the_first_look_on_and_an_agent_without_it_takes_it_off()
    {
        _kernel.In(() =>
        {
            using var with = Part(fastPath: true);
            Assert.Null(with.Apply(State, ClusterChanges.Everything, readBack: true));
            Assert.DoesNotContain("podnet_fast", Filters(), StringComparison.Ordinal); // nobody waits for it
            Assert.Null(with.Repair());
        });
        Assert.Contains("podnet_fast", Filters(), StringComparison.Ordinal);
        _kernel.In(() =>
        {
            using var without = Part(fastPath: false);
            without.Apply(State, ClusterChanges.Everything, readBack: true);
            without.Repair();
        });
        Assert.DoesNotContain("podnet_fast", Filters(), StringComparison.Ordinal);
    }

    [Fact]
    public void Where_it_cannot_be_the_reason_is_said_once_and_the_node_is_ready_all_the_same()
    {
        _kernel.In(() =>
        {
            using var part = Part(fastPath: true);
            // Somebody has something else where filters would be.
            Tool.Run("tc", ["qdisc", "add", "dev", "eth0", "ingress"]);
            for (var i = 0; i < 3; i++)
            {
                Assert.Null(part.Apply(State, ClusterChanges.None, readBack: true));
                Assert.Null(part.Repair());
            }
        });
        Assert.Single(_logger.Lines, line => line.Contains("Fast path: off", StringComparison.Ordinal) && line.Contains("interface", StringComparison.Ordinal));
    }

    private FastPathPart Part(bool fastPath)
    {
        var options = new AgentOptions("node-1", "/dev/null") { FastPath = fastPath };
        return new FastPathPart(options, () => new PodNetwork([], null, [], 1500), new AgentStatus(options, _logger));
    }

    private string Filters() => _kernel.Run("tc", "filter", "show", "dev", "eth0", "ingress");
}
