using System.Buffers.Binary;
using Podnet.Linux;
using Podnet.Netlink.Nftables;
using Podnet.Testing;

namespace Podnet.Netlink.Tests;

/// <summary>Maps, concatenated keys and what Services need of rules, against a real kernel.</summary>
public sealed class NftablesMapTests : IDisposable
{
    private readonly Kernel _kernel = new();
    private readonly NftablesSocket _socket;

    public NftablesMapTests() => _socket = _kernel.In(() => new NftablesSocket());

    public void Dispose()
    {
        _socket.Dispose();
        _kernel.Dispose();
    }

    [Theory]
    [InlineData(TableFamily.Ip)]
    [InlineData(TableFamily.Ip6)]
    public void Tables_of_Services_are_listed_as_if_nft_had_made_them_and_read_back_equal(TableFamily family)
    {
        var tables = new ServiceTables(family);
        var byNft = ListedByNft(tables.Text);

        _socket.Commit(tables.All());

        Assert.Equal(byNft, _kernel.Run("nft", "list", "ruleset"));
        var content = _socket.Read(tables.Name)!;
        Assert.Equal(tables.Sets, content.Sets);
        foreach (var (set, elements) in tables.Elements)
            Assert.Equal(elements, content.Elements[set]);
        AssertSame(tables.Rules, content.Rules);
        Assert.NotNull(content.Elements["services"][0].Counter);
    }

    [Fact]
    public void What_nft_made_of_the_same_text_reads_back_equal()
    {
        var tables = new ServiceTables(TableFamily.Ip);
        _kernel.Run("nft", tables.Text);

        var content = _socket.Read(tables.Name)!;

        Assert.Equal(tables.Sets, content.Sets);
        foreach (var (set, elements) in tables.Elements)
            Assert.Equal(elements, content.Elements[set]);
        AssertSame(tables.Rules, [.. content.Rules.Select(WithoutTurnedProtocol)]);

        // nft turns the one byte of a protocol in an interval's key, which changes nothing and is never written here.
        static Rule WithoutTurnedProtocol(Rule rule) =>
            rule with { Expressions = [.. rule.Expressions.Where(expression => expression is not UnknownExpression { Kind: "byteorder" })] };
    }

    [Fact]
    public void An_update_of_a_map_by_a_rule_is_listed_as_if_nft_had_made_it()
    {
        var tables = new ServiceTables(TableFamily.Ip);
        var rule = new Rule("c",
        [
            .. tables.SessionKey,
            tables.Destination with { Destination = Register.R2 },
            Payload.DestinationPort with { Destination = Register.R2.Plus(4) },
            new UpdateSet("sessions", Register.R1, Register.R2, ServiceTables.SessionTimeout),
        ]);
        var byNft = ListedByNft(
            """
            table ip podnet {
              map sessions { type ipv4_addr . ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; flags dynamic,timeout; size 65535; }
              chain c { update @sessions { ip saddr . ip daddr . meta l4proto . th dport timeout 3h : ip daddr . th dport }; }
            }
            """);

        _socket.Commit(new Transaction(tables.Name).AddTable().AddSet(tables.Sessions).AddChain(new Chain("c")).AppendRule(rule));

        Assert.Equal(byNft, _kernel.Run("nft", "list", "ruleset"));
        AssertSame([rule], _socket.Read(tables.Name)!.Rules);
    }

    [Fact]
    public void The_byte_order_that_nft_turns_in_a_protocol_can_be_left_out()
    {
        var tables = new ServiceTables(TableFamily.Ip);
        var rule = new Rule("c", [.. tables.ServiceKey, tables.Source with { Destination = Register.Word(3) }, new Lookup("sources"), new Verdict(VerdictCode.Accept)]);

        _socket.Commit(new Transaction(tables.Name).AddTable().AddSet(tables.Sources).AddChain(new Chain("c")).AppendRule(rule));

        Assert.Contains("ip daddr . meta l4proto . th dport . ip saddr @sources accept", _kernel.Run("nft", "list", "ruleset"), StringComparison.Ordinal);
    }

    [Fact]
    public void Elements_have_timeouts_and_comments_and_those_are_cut_to_what_nft_shows()
    {
        var tables = new ServiceTables(TableFamily.Ip);
        var element = new Element(tables.Ip("1.2.3.4", "")) { Timeout = TimeSpan.FromHours(1), Comment = new string('x', 125) + "äää" };

        _socket.Commit(new Transaction(tables.Name).AddTable().AddSet(tables.Bounded).AddElements("bounded", [element]));

        var read = Assert.Single(_socket.Read(tables.Name)!.Elements["bounded"]);
        Assert.Equal(element, read);
        Assert.Equal(new string('x', 125) + "ä", read.Comment);
        Assert.InRange(read.Expires!.Value, TimeSpan.FromMinutes(59), TimeSpan.FromHours(1));
        Assert.Contains($"1.2.3.4 timeout 1h", _kernel.Run("nft", "list", "ruleset"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_set_takes_no_more_elements_than_its_size()
    {
        var tables = new ServiceTables(TableFamily.Ip);
        Element[] two = [new(tables.Ip("1.2.3.4", "")), new(tables.Ip("1.2.3.5", ""))];

        Assert.Throws<KernelException>(() => _socket.Commit(new Transaction(tables.Name).AddTable().AddSet(tables.Bounded with { Size = 1 }).AddElements("bounded", two)));
    }

    [Fact]
    public void Elements_are_deleted_by_key()
    {
        var tables = new ServiceTables(TableFamily.Ip);
        _socket.Commit(tables.All());
        var services = tables.Elements["services"];

        _socket.Commit(new Transaction(tables.Name).DeleteElements("services", [services[0] with { Comment = "x", Verdict = null }])
            .DeleteElements("sources", tables.Elements["sources"]));

        Assert.Equal([services[1]], _socket.Read(tables.Name)!.Elements["services"]);
        Assert.Empty(_socket.Read(tables.Name)!.Elements["sources"]);
    }

    [Fact]
    public void Three_hundred_thousand_elements_of_a_map_are_one_transaction()
    {
        const int count = 300_000;
        var tables = new ServiceTables(TableFamily.Ip);
        var transaction = new Transaction(tables.Name).AddTable().AddSet(tables.Endpoints);
        var elements = transaction.AddingElements("endpoints", int.MaxValue);
        Span<byte> key = stackalloc byte[16];
        Span<byte> data = stackalloc byte[8];
        key[4] = 6;
        data[0] = 10;
        for (var i = 0; i < count; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(key, 0x0A000000 + (i / 5));
            BitConverter.TryWriteBytes(key[12..], i % 5);
            BinaryPrimitives.WriteInt32BigEndian(data, 0x0AF00000 + i);
            elements.Add(key, data, i % 10 == 0 ? "default/nginx:http" : null);
        }

        elements.End();

        _socket.Commit(transaction);

        // Each is there to be deleted, and what was never put in is not.
        BinaryPrimitives.WriteInt32BigEndian(key, 0x0A000000 + (count / 5) - 1);
        _socket.Commit(new Transaction(tables.Name).DeleteElements("endpoints", [new Element(new ByteString(key))]));
        key[12] = 5;
        var absent = new Element(new ByteString(key));
        Assert.Equal(Errno.NoEntry, Assert.Throws<KernelException>(() => _socket.Commit(new Transaction(tables.Name).DeleteElements("endpoints", [absent]))).Errno);
    }

    [Fact]
    public void Elements_are_read_by_key_and_one_that_is_not_there_is_null()
    {
        const int count = 500;
        var tables = new ServiceTables(TableFamily.Ip);
        ByteString Key(int i) => new([10, 0, (byte)(i >> 8), (byte)i, 6, 0, 0, 0, 0, 80, 0, 0]);
        var elements = Enumerable.Range(0, count).Where(i => i % 7 != 3)
            .Select(i => new Element(Key(i)) { Verdict = new Verdict(VerdictCode.Drop), Comment = $"default/service-{i}:{new string('x', 100)}" }).ToList();
        _socket.Commit(new Transaction(tables.Name).AddTable().AddSet(tables.Services).AddElements("services", elements));

        var read = _socket.GetElements(tables.Name, "services", [.. Enumerable.Range(0, count).Select(Key)]);

        Assert.Equal(Enumerable.Range(0, count).Where(i => i % 7 == 3), Enumerable.Range(0, count).Where(i => read[i] is null));
        Assert.Equal(elements, read.OfType<Element>());
        Assert.All(read.OfType<Element>(), element => Assert.Equal(0UL, element.Counter!.Packets));
        Assert.Empty(_socket.GetElements(tables.Name, "services", []));
        Assert.Equal(Errno.NoEntry, Assert.Throws<KernelException>(() => _socket.GetElements(tables.Name, "absent", [Key(1)])).Errno);
        Assert.Equal(count, read.Length);
    }

    [Fact]
    public void Nothing_else_goes_into_a_transaction_while_elements_are_written()
    {
        var transaction = new Transaction(new TableName(TableFamily.Ip, "podnet"));
        var elements = transaction.AddingElements("s", int.MaxValue);
        elements.Add([1, 2, 3, 4]);

        Assert.Throws<InvalidOperationException>(() => transaction.FlushChain("c"));
        Assert.Throws<InvalidOperationException>(() => _socket.Commit(transaction));
    }

    private string ListedByNft(string text)
    {
        using var other = new Kernel();
        other.Run("nft", text);
        return other.Run("nft", "list", "ruleset");
    }

    private static void AssertSame(IReadOnlyList<Rule> wanted, IReadOnlyList<Rule> read)
    {
        Assert.Equal(wanted.Count, read.Count);
        foreach (var (a, b) in wanted.Zip(read))
            Assert.True(a.IsSameAs(b), $"{string.Join(' ', a.Expressions)}\nis not\n{string.Join(' ', b.Expressions)}");
    }
}
