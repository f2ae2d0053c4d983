using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Routes;
using Podnet.Dataplane.Nftables;
using Podnet.Netlink.Nftables;
using Podnet.Testing;

namespace Podnet.Dataplane.Tests.Nftables;

public sealed class EgressDriverTests : IDisposable
{
    private static readonly Node One = Node("node-1", "10.99.0.2,fd00:99::2", "10.240.0.0/27,fd00:240:0:0::/64");
    private static readonly Node Two = Node("node-2", "10.99.0.3,fd00:99::3", "10.240.0.32/27,fd00:240:0:1::/64");
    private static readonly Node Three = Node("node-3", "10.99.0.4", "10.240.0.64/27");

    private readonly Kernel _kernel = new();
    private readonly Ruleset _ruleset;
    private readonly EgressDriver _driver;
    private readonly NftablesSocket _socket;

    public EgressDriverTests()
    {
        _ruleset = _kernel.In(() => new Ruleset());
        _driver = new EgressDriver(_ruleset);
        _socket = _kernel.In(() => new NftablesSocket());
    }

    public void Dispose()
    {
        _socket.Dispose();
        _ruleset.Dispose();
        _kernel.Dispose();
    }

    [Fact]
    public void The_kernel_has_what_nft_makes_of_the_printed_table()
    {
        var wanted = Intent(One, Two, Three);
        using var other = new Kernel();
        var file = Path.GetTempFileName();
        File.WriteAllText(file, string.Concat(wanted.Select(e => e.Print())));
        other.Run("nft", "-f", file);
        File.Delete(file);

        Assert.Empty(_driver.Apply(wanted).Failures);

        Assert.Equal(other.Run("nft", "list", "ruleset"), _kernel.Run("nft", "list", "ruleset"));
        Assert.Contains("elements = { 10.99.0.2, 10.99.0.3,", _kernel.Run("nft", "list", "ruleset"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_second_time_nothing_is_sent()
    {
        _driver.Apply(Intent(One, Two));
        var generation = _socket.Generation();

        Assert.Equal(ApplyReport.Nothing, _driver.Apply(Intent(One, Two)));

        Assert.Equal(generation, _socket.Generation());
    }

    [Fact]
    public void A_node_that_comes_or_goes_is_a_change_of_elements()
    {
        _driver.Apply(Intent(One, Two));

        Assert.Equal(
            ["add 1 elements to ip podnet cluster-pods", "add 1 elements to ip podnet node-ips"],
            _driver.Apply(Intent(One, Two, Three)).Changes);
        Assert.Equal(
            ["delete 1 of the elements of ip podnet cluster-pods", "delete 1 of the elements of ip podnet node-ips"],
            _driver.Apply(Intent(One, Two)).Changes);
        AssertRight(One, Two);
    }

    [Theory]
    [InlineData("flush ruleset")]
    [InlineData("delete table ip podnet")]
    [InlineData("flush table ip podnet")]
    [InlineData("flush set ip podnet own-pods")]
    [InlineData("add element ip podnet node-ips { 192.0.2.1 }")]
    [InlineData("insert rule ip podnet egress accept")]
    [InlineData("add rule ip podnet egress masquerade")]
    [InlineData("delete chain ip podnet egress")]
    [InlineData("delete chain ip podnet egress; add chain ip podnet egress { type nat hook postrouting priority 50; }")]
    [InlineData("delete chain ip podnet egress; delete set ip podnet node-ips; add set ip podnet node-ips { type inet_service; }")]
    [InlineData("delete chain ip podnet egress; delete set ip podnet own-pods; delete set ip podnet cluster-pods; delete set ip podnet node-ips")]
    public void Whatever_somebody_did_to_it_is_repaired(string damage)
    {
        _driver.Apply(Intent(One, Two));
        _kernel.Run("nft", damage);

        var report = _driver.Apply(Intent(One, Two));

        Assert.True(report.Changed);
        Assert.Empty(report.Failures);
        AssertRight(One, Two);
    }

    [Fact]
    public void A_larger_network_takes_the_place_of_those_in_it()
    {
        _driver.Apply(EgressMasquerade.For(State(One, Two), One.Name, [], []));
        var wanted = EgressMasquerade.For(State(One, Two), One.Name, [IPNetwork.Parse("10.240.0.0/16")], []);

        Assert.Empty(_driver.Apply(wanted).Failures);

        Assert.Contains("elements = { 10.240.0.0/16 }", _kernel.Run("nft", "list", "set", "ip", "podnet", "cluster-pods"), StringComparison.Ordinal);
        Assert.Equal(ApplyReport.Nothing, _driver.Apply(wanted));
    }

    [Fact]
    public void Cleaning_up_leaves_nothing_of_its_own_and_everything_of_others()
    {
        _kernel.Run("nft", "add table ip mine");
        _driver.Apply(Intent(One, Two));
        _kernel.Run("nft", "add chain ip6 podnet services");

        Assert.Empty(_driver.Cleanup().Failures);

        Assert.Equal("table ip mine {\n}\ntable ip6 podnet {\n\tcomment \"Podnet\"\n\tchain services {\n\t}\n}\n", _kernel.Run("nft", "list", "ruleset"));
        Assert.Equal(ApplyReport.Nothing, _driver.Cleanup());
    }

    private void AssertRight(params Node[] nodes)
    {
        using var fresh = new Kernel();
        using var ruleset = fresh.In(() => new Ruleset());
        new EgressDriver(ruleset).Apply(Intent(nodes));
        Assert.Equal(Sorted(fresh), Sorted(_kernel));
        Assert.Equal(ApplyReport.Nothing, _driver.Apply(Intent(nodes)));
    }

    /// <summary>The lines of the ruleset: tables and sets that were made anew stand in another order.</summary>
    private static IEnumerable<string> Sorted(Kernel kernel) => kernel.Run("nft", "list", "ruleset").Split('\n').Order(StringComparer.Ordinal);

    private static ImmutableArray<EgressMasquerade> Intent(params Node[] nodes) => EgressMasquerade.For(State(nodes), nodes[0].Name, [], []);

    private static ClusterState State(params Node[] nodes) =>
        ClusterState.Empty with { Nodes = nodes.ToImmutableDictionary(node => node.Name) };

    private static Node Node(string name, string ips, string cidrs) => new(name)
    {
        InternalIPs = [.. ips.Split(',').Select(IPAddress.Parse)],
        PodCidrs = [.. cidrs.Split(',').Select(IPNetwork.Parse)],
    };
}
