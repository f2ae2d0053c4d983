using System.Net;
using Podnet.Core.Explain;
using Podnet.Core.Model;
using Podnet.Dataplane.Nftables;
using Podnet.Fixtures;
using Podnet.Testing;

namespace Podnet.Dataplane.Tests.Nftables;

public sealed class ExplainReaderTests : IDisposable
{
    private readonly Kernel _kernel = new();

    public void Dispose() => _kernel.Dispose();

    [Fact]
    public void Of_a_node_in_nftables_mode_iptables_is_not_asked_and_rules_of_the_other_mode_are_noticed_all_the_same()
    {
        _kernel.In(() =>
        {
            using var ruleset = new Ruleset();
            return new ServiceTableDriver(IPFamily.V4, ruleset).Apply(RuleFixture.Read("01-clusterip").State.Table(IPFamily.V4));
        });
        var input = Read();
        Assert.Single(input.Tables);
        Assert.Empty(input.Rulesets);
        Assert.False(input.HasBothModes);

        _kernel.Run("iptables", "-t", "nat", "-N", "KUBE-SERVICES");
        Assert.True(Read().HasBothModes);
    }

    [Fact]
    public void Of_any_other_node_it_is() => Assert.Single(Read().Rulesets);

    private ExplainInput Read() => _kernel.In(() => ExplainReader.Read(
        "node-1", new ExplainedService(new ObjectName("default", "nginx"), [IPAddress.Parse("10.0.33.45")], [new("web", Protocol.Tcp, 80, 0)]), []));
}
