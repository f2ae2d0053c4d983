using System.Buffers.Binary;
using System.Net;
using CsCheck;
using Podnet.Linux;
using Podnet.Netlink.Nftables;
using Podnet.Testing;

namespace Podnet.Netlink.Tests;

/// <summary>Against a real kernel: what is sent is what <c>nft list</c> shows, and what is read back is what was sent.</summary>
public sealed class NftablesSocketTests : IDisposable
{
    private static readonly TableName Name = new(TableFamily.Ip, "podnet");
    private readonly Kernel _kernel = new();
    private readonly NftablesSocket _socket;

    public NftablesSocketTests() => _socket = _kernel.In(() => new NftablesSocket());

    public void Dispose()
    {
        _socket.Dispose();
        _kernel.Dispose();
    }

    [Fact]
    public void A_table_is_what_nft_lists_and_reads_back_equal()
    {
        var chain = new Chain("egress") { Hook = new ChainHook(ChainType.Nat, Hook.Postrouting, ChainPriority.SourceNat), Comment = "leaving" };
        var other = new Chain("other");
        var pods = new Set("pods", DataType.IPv4Address) { Flags = SetFlags.Interval, Comment = "pod CIDRs" };
        var nodes = new Set("nodes", DataType.IPv4Address);
        Element[] networks = [Network("10.240.0.0/27"), Network("10.240.0.32/27"), Network("255.255.255.0/24")];
        Element[] addresses = [Address("10.99.0.2"), Address("10.99.0.3")];
        var rules = EveryExpression();
        var transaction = new Transaction(Name).AddTable("Podnet").AddSet(pods).AddSet(nodes).AddElements("pods", networks)
            .AddElements("nodes", addresses).AddChain(other).AddChain(chain);
        foreach (var rule in rules)
            transaction.AppendRule(rule);

        _socket.Commit(transaction);

        Assert.Equal(
            """
            table ip podnet {
            	comment "Podnet"
            	set pods {
            		type ipv4_addr
            		flags interval
            		comment "pod CIDRs"
            		elements = { 10.240.0.0/27, 10.240.0.32/27,
            			     255.255.255.0/24 }
            	}

            	set nodes {
            		type ipv4_addr
            		elements = { 10.99.0.2, 10.99.0.3 }
            	}

            	chain other {
            		ct state established,related accept
            		meta mark & 0x00004000 == 0x00004000 return
            		iifname "lo" drop
            	}

            	chain egress {
            		comment "leaving"
            		type nat hook postrouting priority srcnat; policy accept;
            		ip saddr @pods ip daddr != @nodes counter packets 0 bytes 0 masquerade fully-random comment "hello"
            		jump other
            	}
            }

            """,
            _kernel.Run("nft", "list", "ruleset"));
        var content = _socket.Read(Name)!;
        Assert.Equal((new Table(Name) { Comment = "Podnet" }, _socket.Generation()), (content.Table, content.Generation));
        Assert.Equal([other, chain], content.Chains);
        Assert.Equal([pods, nodes], content.Sets);
        Assert.Equal(networks, content.Elements["pods"]);
        Assert.Equal(addresses, content.Elements["nodes"]);
        Assert.Equal(["nodes"], _socket.Read(Name, set => set == "nodes")!.Elements.Keys);
        Assert.Equal(rules.Length, content.Rules.Count);
        foreach (var (wanted, read) in rules.Zip(content.Rules))
            Assert.True(wanted.IsSameAs(read), $"{string.Join(' ', wanted.Expressions)} is not {string.Join(' ', read.Expressions)}");
    }

    [Fact]
    public void A_table_that_is_not_there_is_null() => Assert.Null(_socket.Read(Name));

    [Fact]
    public void Tables_of_another_name_and_family_are_left_out()
    {
        _kernel.Run("nft", "add table ip other; add chain ip other c; add table ip6 podnet; add chain ip6 podnet d; add table ip podnet");

        var content = _socket.Read(Name)!;

        Assert.Empty(content.Chains);
        Assert.Equal(["d"], _socket.Read(new TableName(TableFamily.Ip6, "podnet"))!.Chains.Select(c => c.Name));
    }

    [Fact]
    public void What_nft_wrote_otherwise_is_unknown_and_never_the_same()
    {
        _kernel.Run("nft", "add table ip podnet; add chain ip podnet c; add rule ip podnet c limit rate 1/second accept");

        var rule = Assert.Single(_socket.Read(Name)!.Rules);

        Assert.Equal([new UnknownExpression("limit"), new Verdict(VerdictCode.Accept)], rule.Expressions);
        Assert.False(rule.IsSameAs(new Rule("c", [new Verdict(VerdictCode.Accept)])));
    }

    [Fact]
    public void A_broken_transaction_changes_nothing_and_names_the_change_that_broke_it()
    {
        var failure = Assert.Throws<KernelException>(() => _socket.Commit(new Transaction(Name).AddTable()
            .AddChain(new Chain("a")).AppendRule(new Rule("nowhere", [new Verdict(VerdictCode.Accept)])).AddChain(new Chain("b"))));

        Assert.Equal((Errno.NoEntry, "add a rule to ip podnet nowhere"), (failure.Errno, failure.Operation));
        Assert.Equal("", _kernel.Run("nft", "list", "ruleset"));
    }

    [Fact]
    public void The_first_of_more_errors_than_the_kernel_has_room_for_is_the_one_that_is_told()
    {
        var transaction = new Transaction(Name).AddTable();
        for (var i = 0; i < 5000; i++)
            transaction.AppendRule(new Rule($"nowhere-{i}", [new Verdict(VerdictCode.Accept)]));

        var failure = Assert.Throws<KernelException>(() => _socket.Commit(transaction));

        Assert.Equal((Errno.NoEntry, "add a rule to ip podnet nowhere-0"), (failure.Errno, failure.Operation));
        Assert.Null(_socket.Read(Name)); // and nothing is left unread that would be taken for a later answer
    }

    [Fact]
    public void A_transaction_for_an_older_generation_is_refused()
    {
        var generation = _socket.Generation();
        _kernel.Run("nft", "add", "table", "ip", "somebody");

        var failure = Assert.Throws<KernelException>(() => _socket.Commit(new Transaction(Name, generation).AddTable()));

        Assert.Equal(Errno.Restart, failure.Errno);
        Assert.Null(_socket.Read(Name));
        _socket.Commit(new Transaction(Name, _socket.Generation()).AddTable());
        Assert.NotNull(_socket.Read(Name));
    }

    [Fact]
    public void A_quarter_of_a_million_elements_are_one_transaction()
    {
        _socket.Commit(Many(250_000));

        // Each is there to be deleted, and what was never put in is not. (Reading all of it back takes the kernel seconds.)
        _socket.Commit(new Transaction(Name).DeleteElements("many", [Address("10.0.0.0"), Address("10.5.184.216"), Address("10.11.113.173")]));
        Assert.Equal(
            Errno.NoEntry,
            Assert.Throws<KernelException>(() => _socket.Commit(new Transaction(Name).DeleteElements("many", [Address("10.0.0.1")]))).Errno);
    }

    [Fact]
    public void A_large_set_reads_back_complete_while_the_kernel_still_rehashes_it()
    {
        _socket.Commit(Many(20_000));

        var read = _socket.Read(Name)!.Elements["many"];

        Assert.Equal(20_000, read.Count);
        Assert.Equal(20_000, read.Distinct().Count());
    }

    [Fact]
    public void Intervals_come_and_go_and_nft_lists_what_is_left()
    {
        _socket.Commit(new Transaction(Name).AddTable().AddSet(new Set("nets", DataType.IPv4Address) { Flags = SetFlags.Interval }));
        var have = new HashSet<Element>();
        Gen.Int[0, 31].HashSet[0, 20].Sample(
            wanted =>
            {
                // Neighbouring /27s: intervals that touch on both sides.
                var want = wanted.Select(i => Network($"10.240.{i / 8}.{i % 8 * 32}/27")).ToHashSet();
                var transaction = new Transaction(Name).DeleteElements("nets", have.Except(want)).AddElements("nets", want.Except(have));
                if (!transaction.IsEmpty)
                    _socket.Commit(transaction);
                have = want;
                Assert.Equal(want.OrderBy(e => e.Key), _socket.Read(Name)!.Elements["nets"]);
            },
            iter: 50,
            threads: 1);
    }

    [Fact]
    public void Everything_can_be_deleted_again()
    {
        A_table_is_what_nft_lists_and_reads_back_equal();

        _socket.Commit(new Transaction(Name).DeleteChain("egress").DeleteSet("pods"));

        Assert.Equal(["other"], _socket.Read(Name)!.Chains.Select(c => c.Name));
        _socket.Commit(new Transaction(Name).FlushChain("other"));
        Assert.Empty(_socket.Read(Name)!.Rules);
        _socket.Commit(new Transaction(Name).DeleteTable());
        Assert.Equal("", _kernel.Run("nft", "list", "ruleset"));
    }

    /// <summary>Every kind of expression, in the order in which the kernel keeps the chains.</summary>
    private static Rule[] EveryExpression()
    {
        var mark = ByteString.OfHost(0x4000);
        var established = ByteString.OfHost((uint)(ConnectionStates.Established | ConnectionStates.Related));
        var lo = new byte[16]; // IFNAMSIZ
        "lo"u8.CopyTo(lo);
        return
        [
            new Rule("other",
            [
                new Conntrack(ConntrackKey.State),
                new Bitwise(established, ByteString.OfHost(0)),
                new Compare(Comparison.NotEqual, ByteString.OfHost(0)),
                new Verdict(VerdictCode.Accept),
            ]),
            new Rule("other",
            [
                new Meta(MetaKey.Mark),
                new Bitwise(mark, ByteString.OfHost(0)),
                new Compare(Comparison.Equal, mark),
                new Verdict(VerdictCode.Return),
            ]),
            new Rule("other", [new Meta(MetaKey.InputName), new Compare(Comparison.Equal, new ByteString(lo)), new Verdict(VerdictCode.Drop)]),
            new Rule("egress",
            [
                Payload.SourceIPv4,
                new Lookup("pods"),
                Payload.DestinationIPv4,
                new Lookup("nodes", Inverted: true),
                new Counter(),
                new Masquerade(PortChoice.FullyRandom),
            ])
            { Comment = "hello" },
            new Rule("egress", [new Verdict(VerdictCode.Jump, "other")]),
        ];
    }

    private static Transaction Many(int count) => new Transaction(Name).AddTable().AddSet(new Set("many", DataType.IPv4Address))
        .AddElements("many", Enumerable.Range(0, count).Select(i =>
        {
            Span<byte> key = stackalloc byte[4];
            BinaryPrimitives.WriteInt32BigEndian(key, 0x0A000000 + (3 * i));
            return new Element(new ByteString(key));
        }));

    private static Element Network(string cidr) => Element.Of(IPNetwork.Parse(cidr));

    private static Element Address(string ip) => Element.Of(IPAddress.Parse(ip));
}
