using Podnet.Core.Model;
using Podnet.Dataplane.Iptables;
using Podnet.Fixtures;
using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.Agent.Tests;

/// <summary>What a sync says that it would do is what it does, and is all that it does.</summary>
public sealed class NodeSyncTests : IDisposable
{
    private readonly Kernel _kernel = new();

    public NodeSyncTests() => Node(_kernel);

    public static TheoryData<string> Fixtures() => [.. RuleFixture.Names];

    public void Dispose() => _kernel.Dispose();

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void In_nftables_mode_the_text_makes_the_same_ruleset(string name)
    {
        var state = RuleFixture.Read(name).State;
        var before = Generation();
        var text = Preview(ProxyMode.Nftables, state);
        Assert.Equal(before, Generation());
        Assert.Equal((true, false), Sync(ProxyMode.Nftables, state));
        Assert.Empty(Preview(ProxyMode.Nftables, state));

        using var other = new Kernel();
        // nft 1.0.6 cannot read the rules of sessions: it does not know that "ct original proto-dst" is a port.
        var readable = string.Join('\n', text.Split('\n').Where(line => !line.Contains("proto-dst", StringComparison.Ordinal)));
        Load(other, readable, "nft", "-f", "-");
        Assert.Equal(Ruleset(_kernel), Ruleset(other));
    }

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void In_iptables_mode_the_text_makes_the_same_rules(string name)
    {
        var state = RuleFixture.Read(name).State;
        var before = Generation();
        var text = Preview(ProxyMode.Iptables, state);
        Assert.Equal(before, Generation());
        Assert.Equal((true, false), Sync(ProxyMode.Iptables, state));
        Assert.Empty(Preview(ProxyMode.Iptables, state));

        using var other = new Kernel();
        other.In(AccountingObjects.TryEnsure);
        foreach (var program in (string[])["iptables", "ip6tables"])
        {
            // From its own heading to the next.
            var part = text[(text.IndexOf($": {program}-restore", StringComparison.Ordinal) + 1)..];
            Load(other, "#" + part[..(part.IndexOf("\n# ", StringComparison.Ordinal) is var end and > 0 ? end + 1 : part.Length)], $"{program}-restore", "--noflush", "--counters");
            Assert.Equal(SavedRules.Normalize(_kernel.Run($"{program}-save")), SavedRules.Normalize(other.Run($"{program}-save")));
        }
    }

    [Fact]
    public void Routes_settings_and_egress_are_said_as_commands_and_done()
    {
        var state = RuleFixture.Read("01-clusterip").State;
        var node = state.Nodes["node-2"] with { PodCidrs = [System.Net.IPNetwork.Parse("10.240.1.0/24")] };
        var own = state.Nodes["node-1"] with { PodCidrs = [System.Net.IPNetwork.Parse("10.240.0.0/24")] };
        state = state with { Nodes = state.Nodes.SetItem("node-2", node).SetItem("node-1", own) };

        var text = Preview(ProxyMode.Iptables, state);
        Assert.Contains("# sysctl -w net.ipv4.ip_forward=1\n", text, StringComparison.Ordinal);
        Assert.Contains("# ip route add 10.240.1.0/24 via 10.99.0.3 proto 80\n", text, StringComparison.Ordinal);
        Assert.Contains("# add element ip podnet own-pods { 10.240.0.0-10.240.0.255 }\n", text, StringComparison.Ordinal);
        Assert.Equal("", _kernel.Run("ip", "route", "show", "proto", "80"));

        Sync(ProxyMode.Iptables, state);
        Assert.StartsWith("10.240.1.0/24 via 10.99.0.3", _kernel.Run("ip", "route", "show", "proto", "80"), StringComparison.Ordinal);
        Assert.Empty(Preview(ProxyMode.Iptables, state));

        // Without a Node nothing is said of nodes, so what is there for them stays.
        Sync(ProxyMode.Iptables, state with { Nodes = ClusterState.Empty.Nodes });
        Assert.NotEqual("", _kernel.Run("ip", "route", "show", "proto", "80"));
        Assert.Contains("own-pods", _kernel.Run("nft", "list", "ruleset"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ProxyMode.Nftables, ProxyMode.Iptables)]
    [InlineData(ProxyMode.Iptables, ProxyMode.Nftables)]
    public void The_other_modes_rules_go_and_the_text_says_so(ProxyMode from, ProxyMode to)
    {
        var state = RuleFixture.Read("15-dual-stack").State;
        Sync(from, state);
        var text = Preview(to, state);
        Assert.Contains(to == ProxyMode.Iptables ? "# delete set ip podnet services\n" : "# -X KUBE-SERVICES\n", text, StringComparison.Ordinal);
        Sync(to, state);
        Assert.Empty(Preview(to, state));
    }

    [Fact]
    public void A_change_is_printed_alone()
    {
        var state = RuleFixture.Read("01-clusterip").State;
        Sync(ProxyMode.Nftables, state);
        var slice = Assert.Single(state.EndpointSlices.Single().Value);
        var changed = state with { EndpointSlices = EndpointSliceIndex.Of(slice with { Endpoints = [.. slice.Endpoints.Take(1)] }) };

        var lines = Preview(ProxyMode.Nftables, changed).TrimEnd().Split('\n');
        Assert.Contains("delete element ip podnet endpoints { 10.0.33.45 . tcp . 80 . 1 }", lines);
        Assert.All(lines.Where(line => line.Contains("element", StringComparison.Ordinal)), line => Assert.Matches("10.0.33.45|10.240.0.", line));
        Assert.DoesNotContain(lines, line => line.StartsWith("add set", StringComparison.Ordinal));
    }

    private static AgentOptions Options(ProxyMode mode) => new("node-1", null)
    {
        ProxyMode = mode,
        ClusterCidrs = [System.Net.IPNetwork.Parse("10.240.0.0/16"), System.Net.IPNetwork.Parse("fd00:240::/56")],
        NodePortsOnPrimary = mode == ProxyMode.Nftables,
    };

    private static void Node(Kernel kernel)
    {
        kernel.Run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "peer0");
        kernel.Run("ip", "link", "set", "peer0", "up");
        kernel.Run("ip", "address", "add", "10.99.0.2/24", "dev", "eth0");
        kernel.Run("ip", "address", "add", "fd00:99::2/64", "dev", "eth0", "nodad");
        kernel.Run("ip", "link", "set", "eth0", "up");
    }

    private string Preview(ProxyMode mode, ClusterState state) => _kernel.In(() => NodeSync.Preview(Options(mode), state));

    /// <returns>Whether all could be done, and whether a second time had anything to do.</returns>
    private (bool Done, bool Again) Sync(ProxyMode mode, ClusterState state) => _kernel.In(() =>
    {
        var (first, second) = (new StringWriter(), new StringWriter());
        var done = NodeSync.Apply(Options(mode), state, first);
        Assert.True(done, first.ToString());
        return (NodeSync.Apply(Options(mode), state, second), second.ToString().Length > 0);
    });

    private static void Load(Kernel kernel, string text, string program, params string[] arguments) => kernel.In(() =>
    {
        var result = ChildProcess.Run(new ProcessStart(program, arguments), System.Text.Encoding.UTF8.GetBytes(text), TimeSpan.FromMinutes(1));
        Assert.True(result.Succeeded, $"{program}: {result.StandardError}\n{text}");
    });

    private string Generation() => _kernel.In(() =>
    {
        using var socket = new Netlink.Nftables.NftablesSocket();
        return $"{socket.Generation()}";
    });

    /// <summary>Without the rules that nft cannot read, in an order of its own: that of elements is the kernel's hash.</summary>
    private static string Ruleset(Kernel kernel) => string.Join('\n', kernel.Run("nft", "-s", "list", "ruleset")
        .Split('\n').Where(line => !line.Contains("proto-dst", StringComparison.Ordinal))
        .SelectMany(line => line.Trim().Split(", ")).Select(line => line.Replace("elements = { ", "", StringComparison.Ordinal).TrimEnd(',', ' ', '}'))
        .Order(StringComparer.Ordinal));
}
