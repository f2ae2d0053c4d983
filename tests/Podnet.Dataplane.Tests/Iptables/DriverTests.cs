using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Rules;
using Podnet.Core.Services;
using Podnet.Dataplane.Iptables;
using Podnet.Fixtures;
using Podnet.Netlink;
using Podnet.Testing;

namespace Podnet.Dataplane.Tests.Iptables;

public sealed class DriverTests : IDisposable
{
    private static readonly ClusterState Nginx = RuleFixture.Read("01-clusterip").State;
    private static readonly ClusterState NodePort = RuleFixture.Read("05-nodeport").State;

    private readonly Kernel _kernel = new();
    private readonly IptablesDriver _driver = new(IPFamily.V4);
    private IptablesRuleset _last = IptablesRuleset.Empty(IPFamily.V4);

    public void Dispose() => _kernel.Dispose();

    [Fact]
    public void A_flush_is_noticed_and_repaired()
    {
        Apply(Nginx);
        var before = Saved();
        Assert.True(_kernel.In(_driver.CanariesStand));
        _kernel.Run("iptables", "-t", "nat", "-F");
        _kernel.Run("iptables", "-t", "nat", "-X");
        Assert.False(_kernel.In(_driver.CanariesStand));

        var repair = Check();

        Assert.All(repair.Written, c => Assert.Equal("nat", c.Table));
        Assert.Equal(before, Saved());
        Assert.True(_kernel.In(_driver.CanariesStand));
        Assert.True(Check().ChangedNothing);
    }

    [Fact]
    public void Only_the_chain_that_somebody_edited_is_put_right()
    {
        Apply(Nginx);
        var before = Saved();
        _kernel.Run("iptables", "-t", "nat", "-A", "KUBE-SEP-B4KBD76YHXMJL4VO", "-j", "ACCEPT");
        _kernel.Run("iptables", "-t", "nat", "-D", "KUBE-SVC-YK2SNH4V42VSDWIJ", "2");

        var repair = Check();

        Assert.Equal(["nat KUBE-SEP-B4KBD76YHXMJL4VO", "nat KUBE-SVC-YK2SNH4V42VSDWIJ"], repair.Written.Select(c => c.ToString()));
        Assert.Empty(repair.Deleted);
        Assert.Equal(before, Saved());
    }

    [Fact]
    public void A_rule_that_somebody_added_to_a_shared_chain_goes_and_the_counters_of_the_others_stay()
    {
        Apply(Nginx);
        SetCounters("KUBE-SERVICES", "10.0.33.45/32", packets: 7);
        _kernel.Run("iptables", "-t", "nat", "-I", "KUBE-SERVICES", "-d", "203.0.113.1", "-j", "ACCEPT");

        Assert.Equal(["nat KUBE-SERVICES"], Check().Written.Select(c => c.ToString()));
        Assert.Contains("[7:420] -A KUBE-SERVICES -d 10.0.33.45/32", SavedWithCounters(), StringComparison.Ordinal);
        Assert.DoesNotContain("203.0.113.1", SavedWithCounters(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_node_port_jump_comes_back_to_the_end()
    {
        Apply(Nginx);
        _kernel.Run("iptables", "-t", "nat", "-A", "KUBE-SERVICES", "-d", "203.0.113.1", "-j", "ACCEPT");
        Check();
        Assert.EndsWith("-j KUBE-NODEPORTS", RulesOf("nat", "KUBE-SERVICES")[^1], StringComparison.Ordinal);
        Assert.Equal(2, RulesOf("nat", "KUBE-SERVICES").Length);
    }

    [Fact]
    public void A_new_driver_adopts_what_an_earlier_one_left()
    {
        Apply(NodePort);
        var again = new IptablesDriver(IPFamily.V4);
        Assert.True(_kernel.In(() => again.Apply(Render(NodePort))).ChangedNothing);

        // And takes away what nothing wants any more.
        var sync = _kernel.In(() => new IptablesDriver(IPFamily.V4).Apply(Render(Nginx)));
        Assert.Contains(new ChainName("nat", "KUBE-EXT-XDEA7KB6IHSTFSRR"), sync.Deleted);
        using var fresh = new Kernel();
        fresh.In(() => new IptablesDriver(IPFamily.V4).Apply(Render(Nginx)));
        Assert.Equal(SavedRules.Normalize(fresh.Run("iptables-save")), Saved());
    }

    [Fact]
    public void The_rules_of_kube_proxy_are_adopted_whatever_their_order()
    {
        var fixture = RuleFixture.Read("02-multi-port");
        var lines = fixture.Expected(IPFamily.V4)!.Split('\n').ToList();
        var first = lines.FindIndex(l => l.StartsWith("-A KUBE-SERVICES -d", StringComparison.Ordinal));
        (lines[first], lines[first + 3]) = (lines[first + 3], lines[first]);
        _kernel.In(() => AccountingObjects.TryEnsure());
        Restore(lines.Select(l => l.StartsWith(':') ? l + " [0:0]" : l));
        Assert.True(Apply(fixture.State).ChangedNothing);
    }

    [Fact]
    public void One_Service_more_leaves_the_counters_of_the_others_alone()
    {
        var both = Nginx with
        {
            Services = Nginx.Services.AddRange(NodePort.Services),
            EndpointSlices = Nginx.EndpointSlices.AddRange(NodePort.EndpointSlices),
        };

        var services = new IptablesServices(IPFamily.V4, RuleFixture.Config);
        ObjectName[] nginx = [.. Nginx.Services.Keys], nodePort = [.. NodePort.Services.Keys];
        Apply(ClusterState.Empty);
        Change(services, Nginx, nginx);
        SetCounters("KUBE-SERVICES", "10.0.33.45/32", packets: 7);
        var sync = Change(services, both, nodePort);

        Assert.DoesNotContain(sync.Written, c => c.Chain is "KUBE-SVC-YK2SNH4V42VSDWIJ" or "KUBE-SEP-B4KBD76YHXMJL4VO" or "KUBE-POSTROUTING");
        Assert.Contains("[7:420] -A KUBE-SERVICES -d 10.0.33.45/32", SavedWithCounters(), StringComparison.Ordinal);
        Assert.True(Check().ChangedNothing);

        sync = Change(services, Nginx, nodePort);
        Assert.Contains(new ChainName("nat", "KUBE-SVC-XDEA7KB6IHSTFSRR"), sync.Deleted);
        Assert.Contains("[7:420] -A KUBE-SERVICES -d 10.0.33.45/32", SavedWithCounters(), StringComparison.Ordinal);
        Assert.True(Check().ChangedNothing);
    }

    [Fact]
    public void Every_step_from_one_set_of_objects_to_another_ends_where_a_fresh_start_does()
    {
        var names = RuleFixture.Names.Where(n => n != "16-large").ToList();
        foreach (var name in names.Concat(Enumerable.Reverse(names)))
        {
            var state = RuleFixture.Read(name).State;
            Apply(state);
            Assert.Equal(SavedRules.Normalize(RuleFixture.Read(name).Expected(IPFamily.V4)!), Saved());
        }

        Assert.True(Check().ChangedNothing);
    }

    [Fact]
    public void Rules_of_others_survive_everything()
    {
        _kernel.Run("iptables", "-P", "FORWARD", "DROP");
        _kernel.Run("iptables", "-A", "INPUT", "-p", "icmp", "-m", "icmp", "--icmp-type", "8", "-m", "limit", "--limit", "5/sec", "-j", "ACCEPT");
        _kernel.Run("iptables", "-N", "MINE");
        _kernel.Run("iptables", "-A", "MINE", "-s", "192.0.2.0/24", "-p", "tcp", "-m", "multiport", "--dports", "1,2:5", "-j", "LOG", "--log-prefix", "it's \"mine\" ");
        _kernel.Run("iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "eth9", "-j", "MASQUERADE");
        _kernel.Run("iptables", "-t", "mangle", "-N", "KUBE-IPTABLES-HINT");
        var before = Foreign();

        Apply(NodePort);
        Assert.Equal(before, Foreign());
        Apply(Nginx);
        _kernel.Run("iptables", "-t", "nat", "-F", "KUBE-SERVICES");
        Check();
        Assert.Equal(before, Foreign());
        Assert.True(Check().ChangedNothing);

        _kernel.In(_driver.Cleanup);
        Assert.Equal(before, SavedRules.Normalize(_kernel.Run("iptables-save")).Where(l => l[0] is '-' || l.Contains("MINE", StringComparison.Ordinal) || l.Contains("HINT", StringComparison.Ordinal)));
        Assert.Contains(":FORWARD DROP", _kernel.Run("iptables-save"), StringComparison.Ordinal);
        Assert.Empty(_kernel.In(() =>
        {
            using var counters = new AccountingSocket();
            return counters.List();
        }));
    }

    [Fact]
    public void A_jump_that_somebody_took_away_comes_back_in_its_place()
    {
        Apply(Nginx);
        var before = Saved();
        _kernel.Run("iptables", "-D", "INPUT", "2");
        _kernel.Run("iptables", "-t", "nat", "-D", "PREROUTING", "1");
        var repair = Check();
        Assert.Equal(["filter INPUT", "nat PREROUTING"], repair.Written.Select(c => c.ToString()));
        Assert.Equal(before, Saved());
    }

    [Fact]
    public void A_jump_that_is_there_twice_stays_once()
    {
        Apply(Nginx);
        var before = Saved();
        _kernel.Run("iptables", "-t", "nat", "-A", "PREROUTING", "-m", "comment", "--comment", "kubernetes service portals", "-j", "KUBE-SERVICES");
        Assert.Equal(["nat PREROUTING"], Check().Written.Select(c => c.ToString()));
        Assert.Equal(before, Saved());
    }

    [Fact]
    public void A_refused_restore_names_the_line_and_the_next_pass_puts_all_right()
    {
        var services = new IptablesServices(IPFamily.V4, RuleFixture.Config);
        Apply(ClusterState.Empty);
        Change(services, NodePort, [.. NodePort.Services.Keys]);
        // Somebody's rule holds on to a chain that is to go: the kernel refuses to delete it.
        _kernel.Run("iptables", "-t", "nat", "-N", "MINE");
        _kernel.Run("iptables", "-t", "nat", "-A", "MINE", "-j", "KUBE-SVC-XDEA7KB6IHSTFSRR");

        var refused = Assert.Throws<IptablesException>(() => Change(services, Nginx, [.. NodePort.Services.Keys, .. Nginx.Services.Keys]));

        Assert.Contains("KUBE-SVC-XDEA7KB6IHSTFSRR", refused.Message, StringComparison.Ordinal);
        Assert.StartsWith("-X KUBE-SVC-XDEA7KB6IHSTFSRR", refused.Line, StringComparison.Ordinal);

        Apply(Nginx);
        Assert.Equal(2, RulesOf("nat", "KUBE-SVC-YK2SNH4V42VSDWIJ").Length - 1);
        Assert.Empty(RulesOf("nat", "KUBE-SVC-XDEA7KB6IHSTFSRR"));
        Assert.Single(RulesOf("nat", "MINE"));
        Assert.True(Check().ChangedNothing);
    }

    [Fact]
    public void A_missing_program_is_said_with_its_package()
    {
        var driver = new IptablesDriver(IPFamily.V4, null, new IptablesTool(IPFamily.V4, "/nowhere/"));
        var missing = Assert.Throws<IptablesException>(() => driver.Apply(Render(Nginx)));
        Assert.Equal("the program /nowhere/iptables-save is not there: install the Debian package iptables", missing.Message);
    }

    [Fact]
    public void A_kubelets_firewall_is_left_to_it()
    {
        _kernel.Run("iptables", "-t", "mangle", "-N", "KUBE-KUBELET-CANARY");
        Apply(Nginx);
        _kernel.Run("iptables", "-A", "KUBE-FIREWALL", "-m", "mark", "--mark", "0x8000/0x8000", "-j", "DROP");
        Assert.True(Check().ChangedNothing);
        _kernel.In(_driver.Cleanup);
        Assert.Equal(2, RulesOf("filter", "KUBE-FIREWALL").Length);
        Assert.Contains("-A INPUT -j KUBE-FIREWALL", Saved());
        Assert.DoesNotContain("KUBE-SERVICES", string.Join('\n', Saved()), StringComparison.Ordinal);
    }

    [Fact]
    public void Both_families_live_side_by_side()
    {
        var state = RuleFixture.Read("15-dual-stack").State;
        var six = new IptablesDriver(IPFamily.V6);
        Apply(state);
        _kernel.In(() => six.Apply(RuleFixture.Render(state, IPFamily.V6)));
        var saved = _kernel.Run("ip6tables-save");
        _kernel.In(_driver.Cleanup);
        Assert.Equal(SavedRules.Normalize(saved), SavedRules.Normalize(_kernel.Run("ip6tables-save")));
        _kernel.In(six.Cleanup);
        Assert.DoesNotContain("KUBE", _kernel.Run("ip6tables-save"), StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => six.Apply(RuleFixture.Render(state, IPFamily.V4)));
    }

    [Fact]
    public void A_preview_changes_nothing_and_says_what_would_be_written()
    {
        var preview = _kernel.In(() => _driver.Preview(Render(Nginx)));
        Assert.Contains(":KUBE-SVC-YK2SNH4V42VSDWIJ - [0:0]\n", preview, StringComparison.Ordinal);
        Assert.DoesNotContain("KUBE", _kernel.Run("iptables-save"), StringComparison.Ordinal);
        Apply(Nginx);
        Assert.Empty(_kernel.In(() => _driver.Preview(Render(Nginx))));
    }

    [Fact]
    public void Node_ports_can_be_bound_to_addresses_and_refused_on_localhost()
    {
        var config = RuleFixture.Config with
        {
            NodePortAddresses = [IPNetwork.Parse("10.99.0.0/24")],
            InterfaceAddresses = [IPAddress.Loopback, IPAddress.Parse("10.99.0.2"), IPAddress.Parse("10.98.0.2")],
        };
        var intent = ServicePlanner.Plan(NodePort, "node-1", IPFamily.V4);
        Apply(IptablesRenderer.Render(intent, config));
        Assert.Equal("-A KUBE-SERVICES -d 10.99.0.2/32 -m comment --comment \"kubernetes service nodeports; NOTE: this must be the last rule in this chain\" -j KUBE-NODEPORTS", RulesOf("nat", "KUBE-SERVICES")[^1]);
        Assert.Single(RulesOf("nat", "KUBE-NODEPORTS"));
        Assert.Empty(RulesOf("filter", "KUBE-FIREWALL"));

        Apply(IptablesRenderer.Render(intent, RuleFixture.Config with { LocalhostNodePorts = false }));
        Assert.StartsWith("-A KUBE-SERVICES ! -d 127.0.0.0/8 ", RulesOf("nat", "KUBE-SERVICES")[^1], StringComparison.Ordinal);
        Assert.True(Check().ChangedNothing);
    }

    private static IptablesRuleset Render(ClusterState state) => RuleFixture.Render(state, IPFamily.V4);

    private IptablesSync Apply(ClusterState state) => Apply(Render(state));

    private IptablesSync Apply(IptablesRuleset rules)
    {
        _last = rules;
        return _kernel.In(() => _driver.Apply(rules));
    }

    private IptablesSync Check() => _kernel.In(() => _driver.Apply(_last));

    private IptablesSync Change(IptablesServices services, ClusterState state, params ObjectName[] names)
    {
        var change = new IptablesChange();
        foreach (var name in names)
        {
            services.Put(name, state.Services.TryGetValue(name, out var service)
                ? ServicePlanner.PlanService(service, state.SlicesOf(name), state.Nodes["node-1"], IPFamily.V4)
                : ServiceIntent.Empty(IPFamily.V4), change);
        }
        _last = services.Render();
        return _kernel.In(() => _driver.Apply(change));
    }

    private IReadOnlyList<string> Saved() => SavedRules.Normalize(_kernel.Run("iptables-save"));

    private string SavedWithCounters() => _kernel.Run("iptables-save", "-c");

    private string[] RulesOf(string table, string chain) =>
        [.. _kernel.Run("iptables-save", "-t", table).Split('\n').Where(l => l.StartsWith($"-A {chain} ", StringComparison.Ordinal))];

    private string[] Foreign() =>
        [.. Saved().Where(l => (l[0] == '-' && !l.Contains("KUBE-", StringComparison.Ordinal)) || l.Contains("MINE", StringComparison.Ordinal) || l.Contains("HINT", StringComparison.Ordinal))];

    /// <summary>As if so many packets of 60 bytes had come by.</summary>
    private void SetCounters(string chain, string destination, int packets)
    {
        var rules = RulesOf("nat", chain);
        var index = Array.FindIndex(rules, r => r.Contains(destination, StringComparison.Ordinal));
        var spec = rules[index].Split(' ', 3)[2];
        Restore(["*nat", $"-D {chain} {index + 1}", $"[{packets}:{packets * 60}] -I {chain} {index + 1} {spec}", "COMMIT"]);
    }

    private void Restore(IEnumerable<string> lines)
    {
        var file = Path.GetTempFileName();
        File.WriteAllLines(file, lines);
        _kernel.Run("iptables-restore", "--noflush", "--counters", file);
        File.Delete(file);
    }
}
