using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Rules;
using Podnet.Core.Trace;
using Podnet.Fixtures;

namespace Podnet.Core.Tests.Trace;

public sealed class IptablesTracerTests
{
    private static readonly TracedNode Node = new()
    {
        Addresses = [IPAddress.Parse("10.99.0.2")],
        Routes = [new TracedRoute(IPNetwork.Parse("10.0.0.0/8"), "eth0"), new TracedRoute(IPNetwork.Parse("10.240.0.28/32"), "pn1")],
    };

    [Theory]
    [InlineData("16-large", "10.0.0.37")]
    [InlineData("02-multi-port", "10.0.0.20")]
    public void Every_endpoint_is_as_likely_as_any_other_however_many_there_are(string fixture, string clusterIP)
    {
        var state = RuleFixture.Read(fixture).State;
        var endpoints = state.EndpointSlices.Values.SelectMany(slices => slices).Sum(slice => slice.Endpoints.Length);
        var packet = From("10.240.0.9", clusterIP, 80) with { In = "eth0" };
        var trace = IptablesTracer.Trace(RuleFixture.Render(state, IPFamily.V4), Node, packet);
        Assert.Equal(endpoints, trace.Outcomes.Length);
        // The kernel keeps probabilities in units of 2^-31, and each rounds what is left over by those before it.
        Assert.All(trace.Outcomes, o => Assert.Equal(1.0 / endpoints, o.Probability, tolerance: 1e-6));
        Assert.Equal(1, trace.Outcomes.Sum(o => o.Probability), tolerance: 1e-9);
    }

    [Theory]
    [InlineData("", "untouched")]
    [InlineData("-A FORWARD -p tcp -m tcp --dport 80 -j DROP", "dropped")]
    [InlineData("-A FORWARD -p udp -m udp --dport 80 -j DROP", "untouched")]
    [InlineData("-A FORWARD ! -s 10.240.0.0/16 -j DROP", "untouched")]
    [InlineData("-A FORWARD -o eth+ -j REJECT --reject-with icmp-host-prohibited", "rejected")]
    [InlineData("-A FORWARD -i eth0 -j DROP", "untouched")]
    [InlineData("-A FORWARD -d 10.1.2.3/32 -m conntrack --ctstate RELATED,ESTABLISHED -j DROP", "untouched")]
    [InlineData("-A FORWARD -j MINE\n-A FORWARD -j DROP\n-A MINE -j RETURN\n-A MINE -j ACCEPT", "dropped")]
    [InlineData("-A FORWARD -j MINE\n-A FORWARD -j DROP\n-A MINE -j ACCEPT", "untouched")]
    [InlineData("-A FORWARD -j RETURN\n-A FORWARD -j DROP", "untouched")]
    public void Rules_of_others_have_their_say(string rules, string outcome)
    {
        var packet = From("10.240.0.28", "10.1.2.3", 80) with { In = "pn1" };
        Assert.Equal([outcome], Trace($"*filter\n:FORWARD ACCEPT [0:0]\n:MINE - [0:0]\n{rules}\nCOMMIT\n", packet).Outcomes.Select(o => $"{o}"));
    }

    [Fact]
    public void What_no_rule_decides_the_policy_does()
    {
        var packet = From("10.240.0.28", "10.1.2.3", 80) with { In = "pn1" };
        Assert.Equal(PacketFate.Dropped, Trace("*filter\n:FORWARD DROP [0:0]\nCOMMIT\n", packet).Outcomes.Single().Fate);
    }

    [Fact]
    public void Masquerade_without_random_ports_as_older_versions_write_it_is_masquerade()
    {
        var packet = From("10.240.0.28", "10.1.2.3", 80) with { In = "pn1" };
        var outcome = Trace("*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -s 10.240.0.0/16 -j MASQUERADE\nCOMMIT\n", packet).Outcomes.Single();
        Assert.True(outcome.Masqueraded);
        Assert.False(outcome.Translated);
        Assert.Equal("eth0", outcome.Out);
    }

    [Fact]
    public void A_rule_that_cannot_be_judged_is_named_and_does_nothing()
    {
        var packet = From("10.240.0.28", "10.1.2.3", 80) with { In = "pn1" };
        var trace = Trace("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -p tcp -m multiport --dports 80,443 -j DROP\n-A FORWARD -p udp -m multiport --dports 80 -j DROP\n-A FORWARD -j LOG\nCOMMIT\n", packet);
        var outcome = Assert.Single(trace.Outcomes);
        Assert.Equal(PacketFate.Sent, outcome.Fate);
        Assert.Equal(
            ["-A FORWARD -p tcp -m multiport --dports 80,443 -j DROP", "-A FORWARD -j LOG"], outcome.NotUnderstood.Select(s => s.Rule));
        Assert.Contains("not understood, taken as not matching: FORWARD filter: -A FORWARD -p tcp -m multiport", $"{trace}", StringComparison.Ordinal);
    }

    [Fact]
    public void The_node_cannot_send_where_it_has_no_route_whatever_its_rules_would_do()
    {
        const string Rules = "*nat\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -d 192.0.2.1/32 -p tcp -j DNAT --to-destination 10.240.0.28:80\nCOMMIT\n";
        Assert.Equal(PacketFate.Unroutable, Trace(Rules, From("10.99.0.2", "192.0.2.1", 80)).Outcomes.Single().Fate);
    }

    [Fact]
    public void A_packet_of_the_other_family_is_refused() =>
        Assert.Throws<ArgumentException>(() => Trace("*nat\nCOMMIT\n", From("fd00::1", "fd00::2", 80)));

    private static Packet From(string source, string destination, ushort port) =>
        new(IPAddress.Parse(source), IPAddress.Parse(destination), Protocol.Tcp, port);

    private static PacketTrace Trace(string rules, Packet packet) =>
        IptablesTracer.Trace(IptablesParser.Parse(rules, IPFamily.V4), Node, packet);
}
