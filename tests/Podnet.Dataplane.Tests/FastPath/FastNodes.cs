using System.Globalization;
using Podnet.Core.Model;
using Podnet.Core.Routes;
using Podnet.Dataplane.FastPath;
using Podnet.Dataplane.Tests.Routes;
using Podnet.Testing;

namespace Podnet.Dataplane.Tests.FastPath;

/// <summary>Nodes on two segments, of which some have the fast path, and on each rules that count what they see.</summary>
internal sealed class FastNodes : IDisposable
{
    private readonly Dictionary<int, FastPathDriver> _drivers = [];

    /// <param name="with">Which nodes have it; null for all.</param>
    /// <param name="podMtu">1430: what is left over IPv6.</param>
    public FastNodes(PodNetworkMode mode = PodNetworkMode.Auto, IPFamily underlay = IPFamily.V4, int[]? with = null, int podMtu = 1430, TimeSpan? establishedTimeout = null)
    {
        Segments = new TwoSegments(mode, underlay: underlay, podMtu: podMtu);
        foreach (var node in Segments.Nodes)
        {
            node.Run("nft", "add table inet seen; add chain inet seen forward { type filter hook forward priority 0; }; "
                + "add rule inet seen forward ct state invalid counter drop; add rule inet seen forward meta l4proto tcp counter");
            if (establishedTimeout is { } timeout)
                node.Run("sysctl", "-qw", $"net.netfilter.nf_conntrack_tcp_timeout_established={timeout.TotalSeconds}");
        }

        foreach (var node in with ?? [0, 1, 2])
            Start(node);
    }

    public TwoSegments Segments { get; }

    private void Start(int node)
    {
        _drivers[node] = Segments.Nodes[node].In(() => new FastPathDriver());
        Apply(node);
    }

    public ApplyReport Apply(int node, bool readBack = true)
    {
        var report = Segments.Nodes[node].In(() => _drivers[node].Apply(Segments.FastPath(node), readBack));
        Assert.Empty(report.Failures);
        return report;
    }

    public Connection Connect(int from, int to, IPFamily family) => Connection.Open(Segments.Pods[from], Segments.Pods[to], TwoSegments.PodAddress(to, family));

    /// <summary>Bytes that went past a node's rules.</summary>
    public ulong Taken(int node) => _drivers[node].Count().Bytes;

    public ulong Packets(int node) => _drivers[node].Count().Packets;

    /// <summary>Bytes.</summary>
    public long SeenByRules(int node) => Counters(Segments.Nodes[node], "seen", "forward")[^1];

    /// <summary>Bytes that connection tracking could not place.</summary>
    public long Invalid(int node) => Counters(Segments.Nodes[node], "seen", "forward")[^2];

    /// <summary>The bytes that the rules of a chain counted, in their order.</summary>
    public static List<long> Counters(Kernel kernel, string table, string chain)
    {
        var family = table is "guard" or "busy" ? "ip" : "inet";
        return [.. kernel.Run("nft", "list", "chain", family, table, chain).Split('\n')
            .Where(line => line.Contains(" bytes ", StringComparison.Ordinal))
            .Select(line => long.Parse(line.Split(" bytes ")[1].Split(' ')[0], CultureInfo.InvariantCulture))];
    }

    public void Dispose()
    {
        foreach (var driver in _drivers.Values)
            driver.Dispose();
        Segments.Dispose();
    }
}
