using System.Net;
using System.Text.Json.Nodes;
using Podnet.Core.Explain;
using Podnet.Core.Model;
using Podnet.Core.Rules;
using Podnet.Fixtures;

namespace Podnet.Core.Tests.Explain;

public sealed class ServiceExplainerTests
{
    [Fact]
    public void The_story_of_nginx_is_told_from_the_rules_that_are_there()
    {
        var text = ExplanationText.Print(ServiceExplainer.Explain(Nginx()));
        Assert.Equal(
            """
            Service default/nginx, seen from node node-1

            10.0.33.45:80/tcp (web)
              10.0.33.45 is on no interface of node-1: it lives in rules alone.
              This rule in table nat catches it (2000 packets, one per connection):
                  -A KUBE-SERVICES -d 10.0.33.45/32 -p tcp -m comment --comment "default/nginx:web cluster IP" -m tcp --dport 80 -j KUBE-SVC-YK2SNH4V42VSDWIJ
              Connections are split over 2 endpoints:
                  -A KUBE-SVC-YK2SNH4V42VSDWIJ -m comment --comment "default/nginx:web -> 10.240.0.28:80" -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-B4KBD76YHXMJL4VO
                      50.0 % to 10.240.0.28:80; it got 49.5 % (990 connections)
                  -A KUBE-SVC-YK2SNH4V42VSDWIJ -m comment --comment "default/nginx:web -> 10.240.0.57:80" -j KUBE-SEP-V73B5NNFXA6V3U7A
                      50.0 % to 10.240.0.57:80; it got 50.5 % (1010 connections)
              The destination is rewritten (DNAT), and the packet goes its way:
                  -A KUBE-SEP-B4KBD76YHXMJL4VO -p tcp -m comment --comment "default/nginx:web" -m tcp -j DNAT --to-destination 10.240.0.28:80
                      route 10.240.0.28/32, leaves by pn0123456789 to a pod on this node
                  -A KUBE-SEP-V73B5NNFXA6V3U7A -p tcp -m comment --comment "default/nginx:web" -m tcp -j DNAT --to-destination 10.240.0.57:80
                      route 10.240.0.32/27 via 10.99.0.3, leaves by eth0 to node node-2
              Clients keep their own source address, except:
                  -A KUBE-SVC-YK2SNH4V42VSDWIJ ! -s 10.240.0.0/16 -d 10.0.33.45/32 -p tcp -m comment --comment "default/nginx:web cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ
                      clients outside 10.240.0.0/16, which are not pods: the endpoint may be on another node, and its reply must come back through this one (0 packets, one per connection)
                  -A KUBE-SEP-B4KBD76YHXMJL4VO -s 10.240.0.28/32 -m comment --comment "default/nginx:web" -j KUBE-MARK-MASQ
                      pod 10.240.0.28 that reaches itself through the Service: with its own address as the client's it would answer itself directly, past the translation (0 packets, one per connection)
                  -A KUBE-SEP-V73B5NNFXA6V3U7A -s 10.240.0.57/32 -m comment --comment "default/nginx:web" -j KUBE-MARK-MASQ
                      pod 10.240.0.57 that reaches itself through the Service: with its own address as the client's it would answer itself directly, past the translation (0 packets, one per connection)
                  -A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
                      all that was marked above, of every Service: here the source becomes the node's address (0 packets, one per connection)

            """,
            text);
    }

    [Fact]
    public void As_data_it_has_the_same_numbers()
    {
        var json = JsonNode.Parse(ExplanationJson.Print(ServiceExplainer.Explain(Nginx())))!;
        var port = json["ports"]![0]!;
        Assert.Equal("10.0.33.45", (string)port["clusterIP"]!);
        Assert.Equal(2000, (int)port["caughtBy"]!["packets"]!);
        Assert.Equal(0.495, (double)port["endpoints"]![0]!["gotShare"]!);
        Assert.Equal("node-2", (string)port["endpoints"]![1]!["reachesNode"]!);
        Assert.Null(port["problem"]);
    }

    [Fact]
    public void The_endpoints_are_named_so_that_their_routes_can_be_asked_for()
    {
        var input = Nginx();
        Assert.Equal(
            [IPAddress.Parse("10.240.0.28"), IPAddress.Parse("10.240.0.57")],
            ServiceExplainer.EndpointAddresses(input.Rulesets, input.Service));
    }

    [Fact]
    public void A_Service_without_endpoints_shows_the_rule_that_refuses()
    {
        var input = Input("04-no-endpoints", "empty", "10.0.0.22", new ServicePort("web", Protocol.Tcp, 80, 30100));
        var explanation = ServiceExplainer.Explain(input);
        var port = Assert.Single(explanation.Ports);
        Assert.EndsWith("-j REJECT --reject-with icmp-port-unreachable", port.CaughtBy!.Rule, StringComparison.Ordinal);
        Assert.Contains("no endpoint serves it", explanation.Problem, StringComparison.Ordinal);
        Assert.Equal(3, port.AlsoCaughtBy.Length);
        Assert.Contains("No endpoint serves it", ExplanationText.Print(explanation), StringComparison.Ordinal);
    }

    [Fact]
    public void Policy_Local_without_a_local_endpoint_is_told_from_no_endpoint_at_all()
    {
        var input = Input("09-internal-traffic-local", "ilocal0", "10.0.0.29", new ServicePort("web", Protocol.Tcp, 80, 0));
        var explanation = ServiceExplainer.Explain(input);
        Assert.Contains("internalTrafficPolicy Local", explanation.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_Service_that_has_no_rules_yet_says_so()
    {
        var input = Input("13-ignored", "new", "10.0.0.99", new ServicePort("web", Protocol.Tcp, 80, 0));
        Assert.StartsWith("no rule catches it", ServiceExplainer.Explain(input).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_headless_Service_has_nothing_to_explain()
    {
        var input = new ExplainInput("node-1", new ExplainedService(new ObjectName("default", "db"), [], []));
        Assert.Contains("It is headless", ExplanationText.Print(ServiceExplainer.Explain(input)), StringComparison.Ordinal);
    }

    [Fact]
    public void Rules_that_somebody_took_away_in_the_middle_are_noticed()
    {
        var saved = Saved("01-clusterip").Split('\n').Where(l => !l.Contains("-j DNAT", StringComparison.Ordinal));
        var input = Nginx() with { Rulesets = [IptablesParser.Parse(string.Join('\n', saved), IPFamily.V4)] };
        Assert.Contains("KUBE-SVC-YK2SNH4V42VSDWIJ leads to no endpoint", ServiceExplainer.Explain(input).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Session_affinity_names_the_rule_that_keeps_a_client()
    {
        var input = Input("08-session-affinity", "sticky", "10.0.0.27", new ServicePort("web", Protocol.Tcp, 80, 0));
        var port = Assert.Single(ServiceExplainer.Explain(input).Ports);
        Assert.Equal(3, port.Endpoints.Length);
        Assert.All(port.Endpoints, e => Assert.Contains("--rcheck --seconds 600", e.KeepsClients!.Rule, StringComparison.Ordinal));
        Assert.All(port.Endpoints, e => Assert.Equal(1.0 / 3, e.WantedShare, 6));
        Assert.Contains("the kernel has no route to 10.240.0.9:80", ExplanationText.Print(ServiceExplainer.Explain(input)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_ports_rules_are_named_too()
    {
        var input = Input("05-nodeport", "np", "10.0.0.24", new ServicePort("web", Protocol.Tcp, 80, 30080));
        var others = Assert.Single(ServiceExplainer.Explain(input).Ports).AlsoCaughtBy;
        Assert.All(others, r => Assert.Contains("--dport 30080", r.Rule, StringComparison.Ordinal));
        Assert.Equal(2, others.Length);
    }

    [Fact]
    public void Both_cluster_IPs_of_a_dual_stack_Service_are_explained()
    {
        var input = Input("15-dual-stack", "dual", "10.0.0.36", new ServicePort("web", Protocol.Tcp, 80, 0));
        input = input with
        {
            Service = input.Service with { ClusterIPs = [IPAddress.Parse("10.0.0.36"), IPAddress.Parse("fd00:10::24")] },
            Rulesets = input.Rulesets.Add(IptablesParser.Parse(RuleFixture.Read("15-dual-stack").Expected(IPFamily.V6)!, IPFamily.V6)),
        };
        var explanation = ServiceExplainer.Explain(input);
        Assert.Equal(["10.0.0.36", "fd00:10::24"], explanation.Ports.Select(p => p.ClusterIP));
        Assert.Equal("[fd00:240::13]:80", explanation.Ports[1].Endpoints[0].Address);
        Assert.Contains("[fd00:10::24]:80/tcp (web)", ExplanationText.Print(explanation), StringComparison.Ordinal);
    }

    private static ExplainInput Nginx()
    {
        var saved = Saved("01-clusterip")
            .Replace("-A KUBE-SERVICES -d 10.0.33.45", "[2000:120000] -A KUBE-SERVICES -d 10.0.33.45", StringComparison.Ordinal)
            .Replace("-A KUBE-SEP-B4KBD76YHXMJL4VO -p", "[990:59400] -A KUBE-SEP-B4KBD76YHXMJL4VO -p", StringComparison.Ordinal)
            .Replace("-A KUBE-SEP-V73B5NNFXA6V3U7A -p", "[1010:60600] -A KUBE-SEP-V73B5NNFXA6V3U7A -p", StringComparison.Ordinal);
        return Input("01-clusterip", "nginx", "10.0.33.45", new ServicePort("web", Protocol.Tcp, 80, 0)) with
        {
            Rulesets = [IptablesParser.Parse(saved, IPFamily.V4)],
            Routes = new Dictionary<IPAddress, RouteLookup>
            {
                [IPAddress.Parse("10.240.0.28")] = new("pn0123456789", Destination: IPNetwork.Parse("10.240.0.28/32")),
                [IPAddress.Parse("10.240.0.57")] = new("eth0", IPAddress.Parse("10.99.0.3"), null, IPNetwork.Parse("10.240.0.32/27")),
            },
        };
    }

    private static ExplainInput Input(string fixture, string name, string clusterIP, ServicePort port) =>
        new("node-1", new ExplainedService(new ObjectName("default", name), [IPAddress.Parse(clusterIP)], [port]))
        {
            Addresses = [new("lo", IPAddress.Loopback), new("eth0", IPAddress.Parse("10.99.0.2"))],
            Rulesets = [IptablesParser.Parse(Saved(fixture), IPFamily.V4)],
            Nodes =
            [
                new Node("node-1") { PodCidrs = [IPNetwork.Parse("10.240.0.0/27")], InternalIPs = [IPAddress.Parse("10.99.0.2")] },
                new Node("node-2") { PodCidrs = [IPNetwork.Parse("10.240.0.32/27")], InternalIPs = [IPAddress.Parse("10.99.0.3")] },
            ],
        };

    private static string Saved(string fixture) => RuleFixture.Read(fixture).Expected(IPFamily.V4)!;
}
