using System.Collections.Immutable;
using System.Net;
using k8s.Models;
using Podnet.Local.Controllers;

namespace Podnet.Local.Tests.Controllers;

public sealed class LoadBalancerPlanTests
{
    private static readonly ImmutableArray<IPNetwork> Pools = [IPNetwork.Parse("10.99.0.8/29"), IPNetwork.Parse("fd00:99::8000/113")];

    private readonly List<V1Node> _nodes = [Node("node-1", "10.99.0.2", "fd00:99::2"), Node("node-2", "10.99.0.3", "fd00:99::3")];

    [Fact]
    public void Each_service_gets_an_address_of_its_own_and_a_ready_node_takes_its_packets()
    {
        var decision = Decide([Service("a"), Service("b")]);

        Assert.Equal(["10.99.0.8", "10.99.0.9"], decision.Changed.Select(one => string.Join(',', one.Addresses)));
        Assert.Equal(["10.99.0.8/32", "10.99.0.9/32"], decision.Routes.Select(route => route.Destination.ToString()));
        Assert.All(decision.Routes, route => Assert.Contains(route.Gateway.ToString(), (string[])["10.99.0.2", "10.99.0.3"]));
    }

    [Fact]
    public void In_dual_stack_there_is_one_of_each_family_in_the_services_order()
    {
        var decision = Decide([Service("a", families: ["IPv6", "IPv4"])]);

        Assert.Equal(["fd00:99::8000", "10.99.0.8"], Assert.Single(decision.Changed).Addresses.Select(address => address.ToString()));
        Assert.Equal(2, decision.Routes.Length);
    }

    [Fact]
    public void Who_has_an_address_keeps_it_also_where_an_older_service_comes_to_need_one()
    {
        var older = Service("a").With(service => service.Metadata.CreationTimestamp = Make.Now.AddDays(-1));

        var decision = Decide([Service("b", has: "10.99.0.8"), older]);

        var (changed, addresses) = Assert.Single(decision.Changed);
        Assert.Equal(("a", "10.99.0.9"), (changed.Metadata.Name, addresses.Single().ToString()));
    }

    [Fact]
    public void A_full_pool_is_said_and_the_others_stay()
    {
        var decision = Decide([.. Enumerable.Range(0, 7).Select(i => Service($"s{i}"))]);

        Assert.Equal(6, decision.Changed.Length); // eight but outside's and the broadcast address
        Assert.Equal("the pool 10.99.0.8/29 of load balancers' addresses has no free one", Assert.Single(decision.Refused).Why);
    }

    [Theory]
    [InlineData("10.99.0.12", "10.99.0.12", null)]
    [InlineData("10.99.0.8", null, "spec.loadBalancerIP 10.99.0.8 is taken by Service default/a")]
    [InlineData("10.99.0.2", null, "spec.loadBalancerIP 10.99.0.2 is not of the pool 10.99.0.8/29 of load balancers' addresses: ask for one that is, or for none")]
    [InlineData("10.99.0.15", null, "spec.loadBalancerIP 10.99.0.15 is not of the pool 10.99.0.8/29 of load balancers' addresses: ask for one that is, or for none")]
    public void An_address_that_is_asked_for_is_given_or_refused_by_name(string asked, string? given, string? why)
    {
        var decision = Decide([Service("a", has: "10.99.0.8"), Service("b").With(service => service.Spec.LoadBalancerIP = asked)]);

        Assert.Equal(given, decision.Changed.SingleOrDefault().Addresses is { IsDefault: false } addresses ? addresses.Single().ToString() : null);
        Assert.Equal(why, decision.Refused.SingleOrDefault().Why);
    }

    [Fact]
    public void A_local_service_leads_to_a_node_with_a_ready_endpoint_and_to_none_without()
    {
        var local = Service("a").With(service => service.Spec.ExternalTrafficPolicy = "Local");

        var decision = Decide([local], Slice("a", ("node-1", false), ("node-2", true)));

        Assert.Equal("node-2", Assert.Single(decision.Routes).Node);
        Assert.Empty(Decide([local], Slice("a", ("node-1", false))).Routes);
        Assert.Empty(Decide([local], Slice("b", ("node-1", true))).Routes);
    }

    [Fact]
    public void A_node_that_is_not_ready_loses_its_addresses_to_another_and_the_rest_stay()
    {
        var services = Enumerable.Range(0, 6).Select(i => Service($"s{i}")).ToArray();
        var before = Decide(services).Routes;
        _nodes[0].Status.Conditions[0].Status = "False";

        var after = Decide(services).Routes;

        Assert.Equal(["node-1", "node-2"], before.Select(route => route.Node).Distinct().Order());
        Assert.All(after, route => Assert.Equal("node-2", route.Node));
        Assert.Equal(before.Select(route => route.Destination), after.Select(route => route.Destination));
    }

    [Fact]
    public void A_service_that_is_no_load_balancer_any_more_gives_its_address_back()
    {
        var decision = Decide([Service("a", has: "10.99.0.8").With(service => service.Spec.Type = "ClusterIP"), Service("b")]);

        Assert.Equal([("a", ""), ("b", "10.99.0.8")], decision.Changed.Select(one => (one.Service.Metadata.Name, string.Join(',', one.Addresses))));
    }

    [Fact]
    public void A_class_is_somebody_elses()
    {
        var decision = Decide([Service("a", has: "192.0.2.1").With(service => service.Spec.LoadBalancerClass = "example.com/other")]);

        Assert.Equal((0, 0, 0), (decision.Changed.Length, decision.Refused.Length, decision.Routes.Length));
    }

    private LoadBalancerDecision Decide(V1Service[] services, params V1EndpointSlice[] slices) => LoadBalancerPlan.Decide(services, slices, _nodes, Pools);

    private static V1Node Node(string name, params string[] addresses) => Make.Node(name).With(node =>
        node.Status.Addresses = [.. addresses.Select(address => new V1NodeAddress { Type = "InternalIP", Address = address })]);

    private static V1Service Service(string name, string[]? families = null, string? has = null) => new()
    {
        Metadata = Make.Meta(name),
        Spec = new V1ServiceSpec { Type = "LoadBalancer", IpFamilies = families ?? ["IPv4"], ExternalTrafficPolicy = "Cluster" },
        Status = new V1ServiceStatus { LoadBalancer = new V1LoadBalancerStatus { Ingress = has is null ? null : [new V1LoadBalancerIngress { Ip = has, IpMode = "VIP" }] } },
    };

    private static V1EndpointSlice Slice(string service, params (string Node, bool Ready)[] endpoints) => new()
    {
        Metadata = Make.Meta($"{service}-1", new Dictionary<string, string> { ["kubernetes.io/service-name"] = service }),
        AddressType = "IPv4",
        Endpoints = [.. endpoints.Select(one => new V1Endpoint { Addresses = ["10.244.0.2"], NodeName = one.Node, Conditions = new V1EndpointConditions { Ready = one.Ready } })],
    };
}
