using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Dataplane.Nftables;
using Podnet.Fixtures;
using Podnet.Testing;

namespace Podnet.Dataplane.Tests.Nftables;

/// <summary>The sessions of a ServicePort that has several addresses. That clients keep them is in packets/rows.txt.</summary>
public sealed class SessionTests : IDisposable
{
    private static readonly ObjectName Web = new("default", "web");

    private readonly Kernel _kernel = new();
    private readonly Ruleset _ruleset;

    public SessionTests() => _ruleset = _kernel.In(() => new Ruleset());

    public void Dispose()
    {
        _ruleset.Dispose();
        _kernel.Dispose();
    }

    [Theory]
    [InlineData(IPFamily.V4)]
    [InlineData(IPFamily.V6)]
    public void Those_of_all_addresses_are_kept_under_the_cluster_IP_and_nft_can_list_the_rules(IPFamily family)
    {
        Driver(family).Apply(State(TrafficPolicy.Cluster).Table(family));

        var (ip, address, name, number) = family == IPFamily.V4 ? ("ip", "10.0.1.18", "10.0.1.18", "0xa000112") : ("ip6", "fd00:10::18", "fd00-10--18", "0xfd000010000000000000000000000018");
        var list = _kernel.Run("nft", "-s", "list", "table", ip, "podnet");
        foreach (var line in (string[])
        [
            $"chain external-3-sessions-{name}-tcp-80 {{",
            $"meta l4proto @transports dnat {ip} to {ip} saddr . {number} [invalid type] . 0x6 [invalid type] . 0x50 [invalid type] map @sessions",
            $"chain remember-600s-{name}-tcp-80 {{",
            $"update @sessions {{ {ip} saddr . {address} . tcp . 80 timeout 10m : {ip} daddr . th dport }}",
        ])
        {
            Assert.Contains($"\t{line}\n", list, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(IPFamily.V4)]
    [InlineData(IPFamily.V6)]
    public void Whatever_becomes_of_the_Service_the_table_is_that_of_its_last_state(IPFamily family)
    {
        var driver = Driver(family);
        var state = State(TrafficPolicy.Cluster);
        var table = state.Table(family);
        driver.Apply(table);
        foreach (var next in (ClusterState[])
        [
            State(TrafficPolicy.Local), Edit(State(TrafficPolicy.Local), service => service with { ExternalIPs = [] }), State(TrafficPolicy.Local, endpoints: 1),
            Edit(State(TrafficPolicy.Cluster), service => service with { SessionAffinityTimeout = TimeSpan.FromHours(3) }),
            Edit(State(TrafficPolicy.Cluster), service => service with { InternalTrafficPolicy = TrafficPolicy.Local }),
            Edit(State(TrafficPolicy.Cluster), service => service with { SessionAffinityTimeout = null }), State(TrafficPolicy.Cluster), ClusterState.Empty with { Nodes = state.Nodes },
        ])
        {
            var change = new TableChange();
            table.Put(next, Web, change);

            driver.Apply(table, change);

            Assert.Equal("", driver.Preview(next.Table(family)).ToString());
            Assert.Equal(next.Table(family).Chains.Select(chain => chain.Name).Order(), Chains(family).Order());
        }
    }

    [Theory]
    [InlineData(IPFamily.V4)]
    [InlineData(IPFamily.V6)]
    public void Those_with_an_endpoint_that_is_gone_end_at_once_and_the_others_stay(IPFamily family)
    {
        var driver = Driver(family);
        var table = State(TrafficPolicy.Local).Table(family);
        driver.Apply(table);
        foreach (var map in (string[])["sessions", "local-sessions"])
        {
            Remember(family, map, client: 1, endpoint: 1);
            Remember(family, map, client: 2, endpoint: 2);
        }
        var before = Sessions(family);

        var change = new TableChange();
        table.Put(State(TrafficPolicy.Local, endpoints: 1), Web, change);
        driver.Apply(table, change);

        Assert.Equal(before.Where(session => session.Endpoint == 1), Sessions(family));
        // Nobody is bound to this node any more, and nobody who is at a local endpoint has to leave it.
        change = new TableChange();
        table.Put(State(TrafficPolicy.Cluster, endpoints: 1), Web, change);
        driver.Apply(table, change);
        Assert.Equal([("sessions", 1, 1)], Sessions(family));
    }

    private ServiceTableDriver Driver(IPFamily family) => new(family, _ruleset);

    private static string Of(IPFamily family, string v4, string v6) => family == IPFamily.V4 ? v4 : v6;

    private void Remember(IPFamily family, string map, int client, int endpoint) => _kernel.Run(
        "nft", $"add element {NftText.TableOf(family)} {map} {{ {Of(family, "192.0.2.", "2001:db8::")}{client} . {Of(family, "10.0.1.18", "fd00:10::18")} . tcp . 80 "
        + $"timeout 10m : {Of(family, "10.240.0.", "fd00:240::")}{endpoint} . 8080 }}");

    /// <summary>The map, and the last numbers of client and endpoint.</summary>
    private List<(string Map, int Client, int Endpoint)> Sessions(IPFamily family)
    {
        var client = Of(family, "192.0.2.", "2001:db8::");
        var endpoint = Of(family, "10.240.0.", "fd00:240::");
        return
        [
            .. from map in (string[])["sessions", "local-sessions"]
               from number in Enumerable.Range(1, 2)
               from at in Enumerable.Range(1, 3)
               where _kernel.Run("nft", $"list map {NftText.TableOf(family)} {map}").Split(',', '\n').Any(line =>
                   line.Contains($"{client}{number} . ", StringComparison.Ordinal) && line.Contains($" : {endpoint}{at} . 8080", StringComparison.Ordinal))
               select (map, number, at),
        ];
    }

    private IEnumerable<string> Chains(IPFamily family) =>
        from line in _kernel.Run("nft", $"list table {NftText.TableOf(family)}").Split('\n', StringSplitOptions.TrimEntries)
        where line.StartsWith("chain ", StringComparison.Ordinal)
        select line.Split(' ')[1];

    private static ClusterState Edit(ClusterState state, Func<Service, Service> edit) => state with { Services = state.Services.SetItem(Web, edit(state.Services[Web])) };

    /// <param name="endpoints">Of three, the third on another node.</param>
    private static ClusterState State(TrafficPolicy policy, int endpoints = 3) => ClusterState.Empty with
    {
        Nodes = ClusterState.Empty.Nodes.Add("node-1", new Node("node-1")),
        Services = ClusterState.Empty.Services.Add(Web, new Service(Web)
        {
            ClusterIPs = [IPAddress.Parse("10.0.1.18"), IPAddress.Parse("fd00:10::18")],
            ExternalIPs = [IPAddress.Parse("192.0.2.80"), IPAddress.Parse("2001:db8:80::1")],
            Ports = [new("http", Protocol.Tcp, 80, 31018)],
            ExternalTrafficPolicy = policy,
            SessionAffinityTimeout = TimeSpan.FromMinutes(10),
        }),
        EndpointSlices = EndpointSliceIndex.Of(
            [.. ((string[])["10.240.0.", "fd00:240::"]).Select(prefix => new EndpointSlice(new ObjectName("default", $"web-{prefix.Length}"), Web)
            {
                Ports = [new("http", Protocol.Tcp, 8080)],
                Endpoints = [.. Enumerable.Range(1, endpoints).Select(i => new Endpoint(IPAddress.Parse($"{prefix}{i}")) { NodeName = i == 3 ? "node-2" : "node-1" })],
            })]),
    };
}
