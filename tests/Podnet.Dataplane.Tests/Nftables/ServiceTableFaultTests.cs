using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Dataplane.Nftables;
using Podnet.Fixtures;
using Podnet.Linux;
using Podnet.Netlink.Nftables;
using Podnet.Testing;

namespace Podnet.Dataplane.Tests.Nftables;

/// <summary>What the kernel refuses, for real, and what becomes of it.</summary>
public sealed class ServiceTableFaultTests : IDisposable
{
    private readonly Kernel _kernel = new();
    private readonly Ruleset _ruleset;
    private readonly ServiceTableDriver _driver;
    private readonly ClusterState _state = RuleFixture.Read("02-multi-port").State;
    private readonly ServiceTable _table;

    public ServiceTableFaultTests()
    {
        _ruleset = _kernel.In(() => new Ruleset());
        _driver = new ServiceTableDriver(IPFamily.V4, _ruleset);
        _table = _state.Table(IPFamily.V4);
        _driver.Apply(_table);
    }

    public void Dispose()
    {
        _ruleset.Dispose();
        _kernel.Dispose();
    }

    [Fact]
    public void EBUSY_from_a_foreign_rule_that_jumps_to_a_chain_which_must_go_changes_nothing_and_the_next_full_pass_puts_all_right()
    {
        var balance = _table.Chains.First(chain => chain.Name.StartsWith("balance-", StringComparison.Ordinal)).Name;
        _kernel.Run("nft", $"add chain ip podnet intruder; add rule ip podnet intruder jump {balance}");
        var before = List();
        var change = new TableChange();
        var nothing = _state with { EndpointSlices = EndpointSliceIndex.Empty };
        foreach (var service in _state.Services.Keys)
            _table.Put(nothing, service, change);

        var refused = Assert.Throws<KernelException>(() => _driver.Apply(_table, change));

        Assert.Equal(Errno.Busy, refused.Errno);
        Assert.Contains("delete chain", refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, List());
        _driver.Apply(_table);
        Assert.True(_driver.Preview(nothing.Table(IPFamily.V4)).IsEmpty);
        Assert.DoesNotContain("intruder", List(), StringComparison.Ordinal);
    }

    [Fact]
    public void ENOENT_since_somebody_took_away_an_element_changes_nothing_and_the_next_full_pass_puts_all_right()
    {
        var service = _table.Services.First();
        var element = _table.FrontendsOf(service).SelectMany(TableElement.Of).First(one => one.Key.Set == ServiceSet.Services);
        _kernel.Run("nft", $"delete element ip podnet services {{ {NftText.Key(element.Key)} }}");
        var before = List();
        var change = new TableChange();
        _table.Put(service, [], change);

        Assert.Equal(Errno.NoEntry, Assert.Throws<KernelException>(() => _driver.Apply(_table, change)).Errno);

        Assert.Equal(before, List());
        _driver.Apply(_table);
        Assert.True(_driver.Preview(_table).IsEmpty);
    }

    [Fact]
    public void ERESTART_and_EINTR_from_somebody_who_changes_other_tables_all_the_time_are_tried_again()
    {
        var stop = false;
        var other = new Thread(() => _kernel.In(() =>
        {
            using var socket = new NftablesSocket();
            var table = new TableName(TableFamily.Ip, "other");
            while (!Volatile.Read(ref stop))
            {
                socket.Commit(new Transaction(table).AddTable());
                socket.Commit(new Transaction(table).DeleteTable());
                Thread.Sleep(3); // Longer than a look at the table takes: no look would ever see a moment's state.
            }
        }));
        other.Start();
        try
        {
            for (var i = 0; i < 20; i++)
            {
                _kernel.Run("nft", "flush chain ip podnet masquerading");
                _driver.Repair(_table);
                Assert.Contains("masquerade fully-random", _kernel.Run("nft", "list", "chain", "ip", "podnet", "masquerading"), StringComparison.Ordinal);
            }
        }
        finally
        {
            Volatile.Write(ref stop, true);
            other.Join();
        }
    }

    private string List() => _kernel.Run("nft", "-s", "list", "table", "ip", "podnet");
}
