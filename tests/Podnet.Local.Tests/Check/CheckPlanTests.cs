using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Services;
using Podnet.Local.Check;

namespace Podnet.Local.Tests.Check;

public sealed class CheckPlanTests
{
    private static readonly Place Node1 = new(PlaceKind.Node, "node-1", IPAddress.Parse("10.99.0.2"), "node-1");
    private static readonly Place Node2 = new(PlaceKind.Node, "node-2", IPAddress.Parse("10.99.0.3"), "node-2");
    private static readonly Place Pod1 = new(PlaceKind.Pod, "default/a", IPAddress.Parse("10.240.0.28"), "node-1");
    private static readonly Place Pod2 = new(PlaceKind.Pod, "default/b", IPAddress.Parse("10.240.0.57"), "node-2");
    private static readonly Place Outside = new(PlaceKind.Outside, "outside", IPAddress.Parse("10.99.0.254"), null);
    private static readonly Place[] Places = [Node1, Node2, Pod1, Pod2, Outside];

    /// <summary>The whole table of who is seen as whom without a Service between.</summary>
    [Theory]
    [InlineData("pod/default/a", "pod/default/b", "from own 10.240.0.28")]
    [InlineData("pod/default/b", "pod/default/a", "from own 10.240.0.57")]
    [InlineData("node/node-1", "pod/default/a", "from own 10.99.0.2")]
    [InlineData("node/node-1", "pod/default/b", "from own 10.99.0.2")]
    [InlineData("node/node-2", "pod/default/a", "from own 10.99.0.3")]
    [InlineData("node/node-2", "pod/default/b", "from own 10.99.0.3")]
    [InlineData("pod/default/a", "node/node-1", "from own 10.240.0.28")]
    [InlineData("pod/default/a", "node/node-2", "from own 10.240.0.28")]
    [InlineData("pod/default/b", "node/node-1", "from own 10.240.0.57")]
    [InlineData("pod/default/b", "node/node-2", "from own 10.240.0.57")]
    [InlineData("pod/default/a", "outside", "from node/node-1 10.99.0.2")]
    [InlineData("pod/default/b", "outside", "from node/node-2 10.99.0.3")]
    public void Between_places_only_a_pod_s_way_out_of_the_cluster_is_masqueraded(string from, string to, string expected)
    {
        var direct = CheckPlan.Make(Places, ClusterState.Empty).Cast<DirectProbe>().ToList();

        Assert.Equal(12, direct.Count);
        Assert.Equal(expected, Assert.Single(direct, p => p.From.ToString() == from && p.To.ToString() == to).Expected.ToString());
    }

    [Fact]
    public void Every_pod_and_node_tries_every_cluster_ip_and_endpoints_try_themselves()
    {
        var probes = ServiceProbes(Service());

        Assert.Equal(["node-1", "node-2"], Names(probes, CheckKind.NodeToService));
        Assert.Equal(["default/a", "default/b"], Names(probes, CheckKind.PodToService));
        Assert.Equal(["default/a", "default/b"], Names(probes, CheckKind.PodToItself));
        Assert.Empty(Names(probes, CheckKind.OutsideToNodePort));
        Assert.All(probes, p => Assert.Equal("10.0.33.45:80", p.Address.ToString()));
    }

    [Fact]
    public void A_pod_that_reaches_itself_is_seen_as_its_node_and_any_other_client_as_itself()
    {
        var probes = ServiceProbes(Service());
        var pod = Assert.Single(probes, p => p.Kind == CheckKind.PodToService && p.From == Pod1);
        var node = Assert.Single(probes, p => p.Kind == CheckKind.NodeToService && p.From == Node1);

        Assert.Equal("from own 10.240.0.28", Expectation.ThroughService(pod, Pod2.Address, Pod2).ToString());
        Assert.Equal("from node/node-1 10.99.0.2", Expectation.ThroughService(pod, Pod1.Address, Pod1).ToString());
        Assert.Equal("from own 10.99.0.2", Expectation.ThroughService(node, Pod2.Address, Pod2).ToString());
    }

    [Fact]
    public void An_endpoint_beyond_the_cluster_sees_the_pod_s_node()
    {
        var pod = Assert.Single(ServiceProbes(Service()), p => p.Kind == CheckKind.PodToService && p.From == Pod1);

        Assert.Equal("from node/node-1 10.99.0.2", Expectation.ThroughService(pod, Outside.Address, Outside).ToString());
    }

    [Fact]
    public void Outside_is_seen_as_the_node_whose_port_it_used()
    {
        var probes = ServiceProbes(Service() with { Type = ServiceType.NodePort, Ports = [new ServicePort("web", Protocol.Tcp, 80, 30080)] });

        var probe = Assert.Single(probes, p => p.Kind == CheckKind.OutsideToNodePort && p.TranslatedBy == Node2);
        Assert.Equal("10.99.0.3:30080", probe.Address.ToString());
        Assert.Equal("from node/node-2 10.99.0.3", Expectation.ThroughService(probe, Pod1.Address, Pod1).ToString());
    }

    [Fact]
    public void With_external_policy_local_outside_is_seen_as_itself_and_a_node_without_an_endpoint_stays_silent()
    {
        var service = Service() with
        {
            Type = ServiceType.NodePort,
            ExternalTrafficPolicy = TrafficPolicy.Local,
            Ports = [new ServicePort("web", Protocol.Tcp, 80, 30080)],
        };
        var probes = ServiceProbes(service, [Pod1]);

        var here = Assert.Single(probes, p => p.Kind == CheckKind.OutsideToNodePort && p.TranslatedBy == Node1);
        Assert.Equal(ServiceVerdict.Forward, here.Verdict);
        Assert.Equal("from own 10.99.0.254", Expectation.ThroughService(here, Pod1.Address, Pod1).ToString());
        var elsewhere = Assert.Single(probes, p => p.Kind == CheckKind.OutsideToNodePort && p.TranslatedBy == Node2);
        Assert.Equal(ServiceVerdict.Drop, elsewhere.Verdict);
    }

    [Fact]
    public void A_service_without_endpoints_must_refuse()
    {
        var probes = ServiceProbes(Service(), []);

        Assert.Equal(4, probes.Count); // nobody can reach itself
        Assert.All(probes, p => Assert.Equal(ServiceVerdict.Reject, p.Verdict));
    }

    [Fact]
    public void With_session_affinity_no_pod_needs_to_reach_itself()
    {
        var probes = ServiceProbes(Service() with { SessionAffinityTimeout = TimeSpan.FromHours(3) });

        Assert.Empty(Names(probes, CheckKind.PodToItself));
    }

    [Fact]
    public void Another_address_than_expected_is_a_fault_and_so_is_a_pod_that_sees_itself_as_another()
    {
        var own = ExpectedSource.OwnOf(Pod1);

        Assert.Null(Expectation.WrongSource(Pod1, Pod1.Address, Pod1.Address, own));
        Assert.StartsWith("wrong source: the server saw 10.99.0.2", Expectation.WrongSource(Pod1, Pod1.Address, Node1.Address, own));
        Assert.StartsWith(
            "wrong source: the server saw 10.240.0.28",
            Expectation.WrongSource(Pod1, Pod1.Address, Pod1.Address, ExpectedSource.NodeOf(Node1, Pod1)));
        Assert.StartsWith(
            "wrong address: pod/default/a sees itself as 172.17.0.2",
            Expectation.WrongSource(Pod1, IPAddress.Parse("172.17.0.2"), Pod1.Address, own));
    }

    private static Service Service() => new(new ObjectName("default", "nginx"))
    {
        ClusterIPs = [IPAddress.Parse("10.0.33.45")],
        Ports = [new ServicePort("web", Protocol.Tcp, 80, 0), new ServicePort("dns", Protocol.Udp, 53, 0)],
    };

    private static List<ServiceProbe> ServiceProbes(Service service) => ServiceProbes(service, [Pod1, Pod2]);

    private static List<ServiceProbe> ServiceProbes(Service service, Place[] endpoints)
    {
        var slice = new EndpointSlice(new ObjectName("default", "nginx-1"), service.Name)
        {
            Ports = [new EndpointPort("web", Protocol.Tcp, 8080)],
            Endpoints = [.. endpoints.Select(p => new Endpoint(p.Address) { NodeName = p.Node })],
        };
        var state = ClusterState.Empty with
        {
            Nodes = new[] { new Node("node-1"), new Node("node-2") }.ToImmutableDictionary(n => n.Name),
            Services = ImmutableDictionary<ObjectName, Service>.Empty.Add(service.Name, service),
            EndpointSlices = EndpointSliceIndex.Of(slice),
        };
        return [.. CheckPlan.Make(Places, state).OfType<ServiceProbe>()];
    }

    private static IEnumerable<string> Names(IEnumerable<ServiceProbe> probes, string kind) =>
        probes.Where(p => p.Kind == kind).Select(p => p.From.Name).Order(StringComparer.Ordinal);
}
