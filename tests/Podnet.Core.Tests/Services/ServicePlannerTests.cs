using System.Collections.Immutable;
using System.Net;
using CsCheck;
using Podnet.Core.Model;
using Podnet.Core.Rules;
using Podnet.Core.Services;
using Podnet.Fixtures;

namespace Podnet.Core.Tests.Services;

public sealed class ServicePlannerTests
{
    private static readonly ObjectName Name = new("default", "web");

    private static readonly Service Web = new(Name)
    {
        ClusterIPs = [IPAddress.Parse("10.0.0.1")],
        Ports = [new ServicePort("http", Protocol.Tcp, 80, 0)],
    };

    private static readonly string?[] Nodes = ["node-1", "node-2", null];

    private static readonly string[] Zones = ["", "zone-a", "zone-b"];

    private static readonly Gen<Endpoint> AnyEndpoint = Gen.Select(
        Gen.Int[1, 6], Gen.Bool, Gen.Bool, Gen.Bool, Gen.Int[0, 2], Gen.Int[0, 2],
        (host, ready, serving, terminating, node, zone) => new Endpoint(IPAddress.Parse($"10.240.0.{host}"))
        {
            Ready = ready,
            Serving = serving,
            Terminating = terminating,
            NodeName = Nodes[node],
            ZoneHints = zone == 0 ? [] : [Zones[zone]],
        });

    [Fact]
    public void Neither_the_order_of_slices_nor_duplicates_nor_where_they_are_split_change_the_rules()
    {
        Gen.Select(AnyEndpoint.Array[0, 8], Gen.Int, Gen.Enum<TrafficPolicy>(), Gen.Enum<TrafficPolicy>(), Gen.Bool).Sample((endpoints, seed, inside, outside, external) =>
        {
            var service = Web with
            {
                Type = ServiceType.NodePort,
                Ports = [new ServicePort("http", Protocol.Tcp, 80, external ? (ushort)30080 : (ushort)0)],
                InternalTrafficPolicy = inside,
                ExternalTrafficPolicy = outside,
            };
            var shuffled = endpoints.Concat(endpoints.Take(2)).ToArray();
            new Random(seed).Shuffle(shuffled);
            var cut = shuffled.Length == 0 ? 0 : (seed & int.MaxValue) % shuffled.Length;
            Assert.Equal(
                Text(State(service, endpoints)),
                Text(State(service, shuffled[cut..], shuffled[..cut], [])));
        });
    }

    [Fact]
    public void The_shares_of_all_endpoints_are_equal()
    {
        Gen.Int[1, 60].Sample(n =>
        {
            var left = 1.0;
            for (var i = n; i > 1; i--)
            {
                var p = ProbabilityMatch.OneIn(i).Probability;
                Assert.Equal(1.0 / n, left * p, 6);
                left *= 1 - p;
            }

            Assert.Equal(1.0 / n, left, 6);
        });
    }

    [Fact]
    public void A_new_pod_with_the_address_of_a_terminating_one_wins()
    {
        var old = At(1) with { Ready = false, Terminating = true, NodeName = "node-2" };
        var young = At(1) with { NodeName = "node-1" };
        var port = Plan(Web, [old], [young]);
        Assert.True(Assert.Single(port.ClusterEndpoints).IsLocal);
    }

    [Fact]
    public void Terminating_endpoints_serve_only_while_nothing_is_ready()
    {
        var terminating = At(1) with { Ready = false, Terminating = true };
        var dead = At(2) with { Ready = false, Serving = false, Terminating = true };
        Assert.Equal("10.240.0.1:8080", Assert.Single(Plan(Web, [terminating, dead]).ClusterEndpoints).Text);
        Assert.Equal("10.240.0.3:8080", Assert.Single(Plan(Web, [terminating, dead, At(3)]).ClusterEndpoints).Text);
    }

    [Fact]
    public void A_node_hint_goes_before_a_zone_hint()
    {
        var here = At(1) with { ZoneHints = ["zone-a"], NodeHints = ["node-1"] };
        var near = At(2) with { ZoneHints = ["zone-a"], NodeHints = ["node-3"] };
        var far = At(3) with { ZoneHints = ["zone-b"], NodeHints = ["node-2"] };
        Assert.Equal(["10.240.0.1:8080"], Texts(Plan(Web, [here, near, far])));
        Assert.Equal(["10.240.0.2:8080"], Texts(Plan(Web, [near, far])));
        Assert.Equal(["10.240.0.3:8080"], Texts(Plan(Web, [far])));
    }

    [Fact]
    public void One_ready_endpoint_without_a_hint_turns_hints_off()
    {
        var near = At(1) with { ZoneHints = ["zone-a"] };
        var far = At(2) with { ZoneHints = ["zone-b"] };
        Assert.Equal(3, Plan(Web, [near, far, At(3)]).ClusterEndpoints.Length);
        Assert.Equal(["10.240.0.1:8080"], Texts(Plan(Web, [near, far, At(3) with { Ready = false }])));
    }

    [Fact]
    public void External_policy_Local_drops_for_outsiders_what_other_nodes_serve_and_rejects_what_nobody_serves()
    {
        var service = Web with
        {
            Type = ServiceType.NodePort,
            Ports = [new ServicePort("http", Protocol.Tcp, 80, 30080)],
            ExternalTrafficPolicy = TrafficPolicy.Local,
        };
        var remote = Plan(service, [At(1) with { NodeName = "node-2" }]);
        Assert.Equal(ServiceVerdict.Drop, remote.ExternalVerdict);
        Assert.Equal(ServiceVerdict.Forward, remote.InternalVerdict);
        Assert.Equal(ServiceVerdict.Reject, Plan(service, []).ExternalVerdict);
        Assert.Equal(ServiceVerdict.Forward, Plan(service, [At(1) with { NodeName = "node-1" }]).ExternalVerdict);
    }

    [Fact]
    public void External_policy_means_nothing_where_nothing_is_external()
    {
        var port = Plan(Web with { ExternalTrafficPolicy = TrafficPolicy.Local }, [At(1)]);
        Assert.Equal(TrafficPolicy.Cluster, port.ExternalPolicy);
        Assert.Empty(port.LocalEndpoints);
    }

    [Fact]
    public void A_health_check_counts_the_addresses_that_are_ready_on_this_node()
    {
        var service = Web with
        {
            Type = ServiceType.LoadBalancer,
            ExternalTrafficPolicy = TrafficPolicy.Local,
            HealthCheckNodePort = 30999,
            Ports = [new ServicePort("http", Protocol.Tcp, 80, 0), new ServicePort("again", Protocol.Tcp, 81, 0)],
        };
        var slice = Slice("a", [At(1) with { NodeName = "node-1" }, At(2) with { NodeName = "node-2" }, At(3) with { NodeName = "node-1", Ready = false }]);
        slice = slice with { Ports = slice.Ports.Add(new EndpointPort("again", Protocol.Tcp, 8081)) };
        var plan = ServicePlanner.PlanService(service, [slice], new Node("node-1"), IPFamily.V4);
        Assert.Equal([new ServiceHealthCheck(Name, 30999, 1)], plan.HealthChecks);
        Assert.Equal(6, plan.EndpointCount);
    }

    [Fact]
    public void A_node_that_the_API_server_does_not_know_yet_still_serves()
    {
        var state = State(Web, [At(1)]) with { Nodes = ImmutableDictionary<string, Node>.Empty };
        Assert.Single(ServicePlanner.Plan(state, "node-1", IPFamily.V4).Ports[0].ClusterEndpoints);
        Assert.Empty(ServicePlanner.Plan(state, "node-1", IPFamily.V6).Ports);
    }

    [Fact]
    public void Source_ranges_that_hold_the_node_let_its_load_balancer_IPs_in_and_one_of_everything_needs_no_match()
    {
        var service = Web with
        {
            Type = ServiceType.LoadBalancer,
            LoadBalancerIPs = [IPAddress.Parse("198.51.100.8")],
            LoadBalancerSourceRanges = [IPNetwork.Parse("10.99.0.0/24"), IPNetwork.Parse("0.0.0.0/0")],
        };
        var rules = RuleFixture.Render(State(service, [At(1)]), IPFamily.V4);
        var chain = rules.Table("nat")!.Chains.Keys.Single(c => c.StartsWith("KUBE-FW-", StringComparison.Ordinal));
        Assert.Equal(
            ["-s 10.99.0.0/24 -m", "-m comment --comment", "-s 198.51.100.8/32 -m", "-m comment --comment"],
            rules.RulesOf("nat", chain).Select(r => string.Join(' ', r.Text.Trim().Split(' ').Take(3))));
    }

    private static Endpoint At(int host) => new(IPAddress.Parse($"10.240.0.{host}"));

    private static EndpointSlice Slice(string name, Endpoint[] endpoints) => new(new ObjectName("default", name), Name)
    {
        Endpoints = [.. endpoints],
        Ports = [new EndpointPort("http", Protocol.Tcp, 8080)],
    };

    private static ClusterState State(Service service, params Endpoint[][] slices) => ClusterState.Empty with
    {
        Nodes = ImmutableDictionary<string, Node>.Empty.Add("node-1", new Node("node-1") { Zone = "zone-a" }),
        Services = ImmutableDictionary<ObjectName, Service>.Empty.Add(service.Name, service),
        EndpointSlices = EndpointSliceIndex.Of(slices.Select((s, i) => Slice($"web-{i}", s))),
    };

    private static ServicePortIntent Plan(Service service, params Endpoint[][] slices) =>
        ServicePlanner.Plan(State(service, slices), "node-1", IPFamily.V4).Ports[0];

    private static IEnumerable<string> Texts(ServicePortIntent port) => port.ClusterEndpoints.Select(e => e.Text);

    private static string Text(ClusterState state) => IptablesText.Save(RuleFixture.Render(state, IPFamily.V4));
}
