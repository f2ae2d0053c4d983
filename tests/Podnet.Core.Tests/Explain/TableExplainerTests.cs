using System.Collections.Immutable;
using System.Net;
using System.Text.Json.Nodes;
using Podnet.Core.Explain;
using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Fixtures;

namespace Podnet.Core.Tests.Explain;

public sealed class TableExplainerTests
{
    [Fact]
    public void The_story_of_nginx_is_told_from_the_table_that_is_there()
    {
        var text = TableExplanationText.Print(TableExplainer.Explain(Nginx()));
        Assert.Equal(
            """
            Service default/nginx, seen from node node-1, which is in nftables mode

            cluster IP 10.0.33.45:80/tcp (web)
              10.0.33.45 is on no interface of node-1: it lives in the table alone.
              This element of services in table ip podnet catches it (2000 connections):
                  10.0.33.45 . tcp . 80 comment "default/nginx:web" : goto cluster-ip-2
              It leads through these chains:
                  cluster-ip-2
                      jump not-from-pod
                      goto balance-2
                  not-from-pod
                      ip saddr != 10.240.0.0/16 meta mark set meta mark | 0x00004000
                  balance-2
                      meta l4proto @transports dnat ip to ip daddr . meta l4proto . th dport . numgen random mod 2 map @endpoints
              A random number chooses one of 2 endpoints, and the destination becomes its address:
                  10.0.33.45 . tcp . 80 . 0 : 10.240.0.28 . 80
                      50.0 % to 10.240.0.28:80; it got 49.5 % (990 connections)
                      route 10.240.0.28/32, leaves by pn0123456789 to a pod on this node
                  10.0.33.45 . tcp . 80 . 1 : 10.240.0.57 . 80
                      50.0 % to 10.240.0.57:80; it got 50.5 % (1010 connections)
                      route 10.240.0.32/27 via 10.99.0.3, leaves by eth0 to node node-2
              Clients keep their own source address, except those that are marked for masquerade:
                  not-from-pod: ip saddr != 10.240.0.0/16 meta mark set meta mark | 0x00004000
                      clients outside 10.240.0.0/16, which are not pods: the endpoint may be on another node, and its reply must come back through this one
              Its other ports are refused at once: cluster-ips has 10.0.33.45.

            On the way out of node-1 the source becomes the node's address of:
              all that was marked, of every Service (0 connections)
                  masquerading: meta mark & 0x00004000 != 0x00000000 meta mark set meta mark ^ 0x00004000 counter masquerade fully-random comment "Service traffic that does not come from pods"
              endpoints that reach themselves through a Service: with their own address as the client's they would answer themselves directly, past the translation (0 connections)
                  masquerading: ct status dnat ip saddr . ip daddr @hairpin counter masquerade fully-random comment "pods that reach themselves through a Service"

            """,
            text);
    }

    [Fact]
    public void As_data_it_has_the_same_numbers()
    {
        var json = JsonNode.Parse(ExplanationJson.Print(TableExplainer.Explain(Nginx())))!;
        Assert.Equal("nftables", (string)json["mode"]!);
        var address = json["addresses"]![0]!;
        Assert.Equal("10.0.33.45", (string)address["addresses"]![0]!);
        Assert.Equal(2000, (int)address["caughtBy"]!["packets"]!);
        var endpoint = address["ways"]![0]!["endpoints"]![1]!;
        Assert.Equal(1010, (int)endpoint["connections"]!);
        Assert.Equal(0.5, (double)endpoint["probability"]!);
        Assert.Equal("node-2", (string)endpoint["reachesNode"]!);
        Assert.Null(address["problem"]);
    }

    [Fact]
    public void A_Service_without_endpoints_shows_the_elements_that_refuse()
    {
        var explanation = TableExplainer.Explain(Input("04-no-endpoints", "empty"));
        Assert.All(explanation.Addresses, one => Assert.EndsWith(": goto rejecting", one.CaughtBy!.Element, StringComparison.Ordinal));
        Assert.Contains("no endpoint serves it", explanation.Problem, StringComparison.Ordinal);
        Assert.Contains("No endpoint serves it", TableExplanationText.Print(explanation), StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_port_names_the_addresses_that_it_answers_on()
    {
        var explanation = TableExplainer.Explain(Input("05-nodeport", "np"));
        var port = Assert.Single(explanation.Addresses, one => one.Kind == "node port");
        Assert.Equal(["10.99.0.2"], port.Addresses);
        Assert.Equal("tcp . 30080 comment \"default/np:web\" : goto node-port-2", port.CaughtBy!.Element);
        Assert.Equal(["10.240.0.6:80", "10.240.0.40:80"], port.Ways.Single().Endpoints.Select(one => one.Address).Order(StringComparer.Ordinal).Reverse());
        Assert.Contains("It answers on 10.99.0.2 of node-1 (node-port-ips), and not on 127.0.0.1.", TableExplanationText.Print(explanation), StringComparison.Ordinal);
    }

    [Fact]
    public void Policy_Local_tells_pods_and_the_node_from_all_others()
    {
        var port = Assert.Single(TableExplainer.Explain(Input("06-nodeport-local", "npl")).Addresses, one => one.Kind == "node port");
        Assert.Equal(["pods and the node itself", "all others"], port.Ways.Select(way => way.Clients));
        Assert.Single(port.Ways[1].Endpoints);
        Assert.Null(port.Others);
    }

    [Fact]
    public void Policy_Local_without_a_local_endpoint_drops_others_and_says_so()
    {
        var internalOnly = TableExplainer.Explain(Input("09-internal-traffic-local", "ilocal0"));
        Assert.Contains("internalTrafficPolicy Local", internalOnly.Problem, StringComparison.Ordinal);
        var state = RuleFixture.Read("06-nodeport-local").State;
        state = state with
        {
            EndpointSlices = state.EndpointSlices.ToImmutableDictionary(one => one.Key, one => one.Value.Select(slice => slice with
            {
                Endpoints = [.. slice.Endpoints.Select(endpoint => endpoint with { NodeName = "node-2" })],
            }).ToImmutableArray()),
        };
        var external = TableExplainer.Explain(Input(state, "npl"));
        var port = Assert.Single(external.Addresses, one => one.Kind == "node port");
        Assert.Equal(["pods and the node itself"], port.Ways.Select(way => way.Clients));
        Assert.EndsWith(": drop", port.Others!.Element, StringComparison.Ordinal);
        Assert.Contains("All others are dropped, by policy Local", TableExplanationText.Print(external), StringComparison.Ordinal);
    }

    [Fact]
    public void Session_affinity_says_for_how_long_a_client_stays()
    {
        var explanation = TableExplainer.Explain(Input("08-session-affinity", "sticky"));
        Assert.Equal(600, explanation.Addresses[0].Session!.Seconds);
        Assert.Equal(3, explanation.Addresses[0].Ways.Single().Endpoints.Length);
        Assert.Contains("A client stays with its endpoint for 10m after its last connection", TableExplanationText.Print(explanation), StringComparison.Ordinal);
    }

    [Fact]
    public void Source_ranges_name_who_may_use_a_load_balancer_IP_and_what_drops_the_others()
    {
        var state = RuleFixture.Read("07-loadbalancer-source-ranges").State;
        var ranged = state.Services.Values.First(service => !service.LoadBalancerSourceRanges.IsEmpty);
        var explanation = TableExplainer.Explain(Input(state, ranged.Name.Name));
        var address = Assert.Single(explanation.Addresses, one => one.Kind == "load balancer IP");
        Assert.Equal(
            ranged.LoadBalancerSourceRanges.Select(AddressText.Of).Order(), address.Sources!.Allowed.Where(r => !r.EndsWith("/32", StringComparison.Ordinal)).Order());
        Assert.Equal(["firewall-prerouting", "firewall-output"], address.Sources.DroppedBy.Select(rule => rule.Chain));
        Assert.Contains("Only these sources may use it", TableExplanationText.Print(explanation), StringComparison.Ordinal);
    }

    [Fact]
    public void A_gap_in_the_endpoints_is_noticed()
    {
        var input = Nginx();
        var table = input.Tables[0];
        var holed = table with { Elements = table.Elements.Where(e => e.Key is not { Set: ServiceSet.Endpoints, Slot: 1 }).ToDictionary() };
        Assert.StartsWith("slot 1 is empty", TableExplainer.Explain(input with { Tables = [holed] }).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_Service_that_has_no_element_yet_says_so()
    {
        var input = Nginx();
        var other = input with { Service = input.Service with { ClusterIPs = [IPAddress.Parse("10.0.0.99")] } };
        Assert.StartsWith("no element has it", TableExplainer.Explain(other).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void An_address_that_another_Service_holds_is_named_as_its()
    {
        var input = Nginx();
        var other = input with { Service = input.Service with { Name = new ObjectName("default", "twin") } };
        Assert.StartsWith("the address is default/nginx:web's", TableExplainer.Explain(other).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Rules_of_the_other_mode_beside_the_table_are_noticed()
    {
        var explanation = TableExplainer.Explain(Nginx() with { HasBothModes = true });
        Assert.StartsWith("the node has the rules of both modes", explanation.Notice, StringComparison.Ordinal);
        Assert.Null(TableExplainer.Explain(Nginx()).Notice);
    }

    [Fact]
    public void Both_cluster_IPs_of_a_dual_stack_Service_are_explained()
    {
        var explanation = TableExplainer.Explain(Input("15-dual-stack", "dual"));
        Assert.Equal(["10.0.0.36", "fd00:10::24"], explanation.Addresses.Where(one => one.Kind == "cluster IP").Select(one => one.Addresses[0]));
        Assert.Contains("cluster IP [fd00:10::24]:80/tcp (web)", TableExplanationText.Print(explanation), StringComparison.Ordinal);
    }

    private static ExplainInput Nginx()
    {
        var input = Input("01-clusterip", "nginx");
        return input with
        {
            Tables = [Counting(input.Tables[0], (ServiceSet.Services, 0, 2000), (ServiceSet.Endpoints, 0, 990), (ServiceSet.Endpoints, 1, 1010))],
            Routes = new Dictionary<IPAddress, RouteLookup>
            {
                [IPAddress.Parse("10.240.0.28")] = new("pn0123456789", Destination: IPNetwork.Parse("10.240.0.28/32")),
                [IPAddress.Parse("10.240.0.57")] = new("eth0", IPAddress.Parse("10.99.0.3"), null, IPNetwork.Parse("10.240.0.32/27")),
            },
        };
    }

    private static LiveTable Counting(LiveTable table, params (ServiceSet Set, int Slot, ulong Packets)[] counts) => table with
    {
        Elements = table.Elements.ToDictionary(
            one => one.Key,
            one => counts.FirstOrDefault(count => count.Set == one.Key.Set && count.Slot == one.Key.Slot) is { Packets: > 0 } count
                ? one.Value with { Packets = count.Packets }
                : one.Value),
    };

    private static ExplainInput Input(string fixture, string name) => Input(RuleFixture.Read(fixture).State, name);

    private static ExplainInput Input(ClusterState state, string name)
    {
        var service = state.Services[new ObjectName("default", name)];
        return new ExplainInput("node-1", new ExplainedService(service.Name, service.ClusterIPs, service.Ports)
        {
            ExternalIPs = service.ExternalIPs,
            LoadBalancerIPs = service.LoadBalancerIPs,
        })
        {
            Addresses = [new("lo", IPAddress.Loopback), new("eth0", IPAddress.Parse("10.99.0.2"))],
            Tables = [.. service.ClusterIPs.Select(ip => Live(state.Table(ip.Family())))],
            Nodes =
            [
                new Node("node-1") { PodCidrs = [IPNetwork.Parse("10.240.0.0/27")], InternalIPs = [IPAddress.Parse("10.99.0.2")] },
                new Node("node-2") { PodCidrs = [IPNetwork.Parse("10.240.0.32/27")], InternalIPs = [IPAddress.Parse("10.99.0.3")] },
            ],
        };
    }

    /// <summary>As it is read from a kernel that has counted nothing yet.</summary>
    private static LiveTable Live(ServiceTable table) => new(
        table.Family,
        table.Chains.ToDictionary(
            chain => chain.Name,
            chain => new LiveChain(
                chain.Name,
                [.. chain.Rules.Select(rule => new LiveRule(rule, NftText.Rule(table.Family, rule), rule.Statements.OfType<Count>().Any() ? 0UL : null))])),
        table.Elements.ToDictionary(e => e.Key, e => new LiveElement(e, ServiceSets.Of(e.Key.Set).Counter ? 0UL : null)));
}
