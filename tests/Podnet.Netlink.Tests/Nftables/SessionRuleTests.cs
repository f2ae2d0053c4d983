using System.Net;
using System.Net.Sockets;
using Podnet.Netlink.Nftables;
using Podnet.Testing;

namespace Podnet.Netlink.Tests;

/// <summary>
/// Session affinity with real connections. The session is written after the translation, where the packet itself has the endpoint and conntrack
/// the Service's address: nft 1.0.6 aborts where it lists an update whose key or data come out of a map.
/// </summary>
public sealed class SessionRuleTests : IDisposable
{
    private const ushort ServicePort = 80;
    private readonly Kernel _kernel = new();
    private readonly NftablesSocket _socket;

    public SessionRuleTests()
    {
        _socket = _kernel.In(() => new NftablesSocket());
        foreach (var address in (string[])["10.99.0.2/32", "10.244.0.2/32", "10.244.0.3/32", "fd99::2/128", "fd02::2/128", "fd02::3/128"])
            _kernel.Run("ip", "address", "add", address, "dev", "lo", address.Contains(':') ? "nodad" : "noprefixroute");
        _kernel.Run("ip", "route", "add", "10.0.0.0/24", "dev", "lo", "src", "10.99.0.2");
        _kernel.Run("ip", "route", "add", "fd00::/64", "dev", "lo", "src", "fd99::2");
    }

    public void Dispose()
    {
        _socket.Dispose();
        _kernel.Dispose();
    }

    [Theory]
    [InlineData(TableFamily.Ip)]
    [InlineData(TableFamily.Ip6)]
    public void A_connection_starts_a_session_and_a_later_one_of_the_same_client_lengthens_it(TableFamily family)
    {
        var tables = new ServiceTables(family);

        Commit(tables);

        var listing = _kernel.Run("nft", "list", "ruleset");
        foreach (var line in (string[])
        [
            "dnat ip to ip saddr . ip daddr . meta l4proto . th dport map @sessions",
            "dnat ip to ip daddr . meta l4proto . th dport . numgen random mod 2 map @endpoints",
            "ct state new update @sessions { ip saddr . ct original ip daddr . meta l4proto . ct original proto-dst timeout 3h : ip daddr . th dport }",
            "update @sessions { ip saddr . A1 . udp . 53 timeout 3h : ip daddr . th dport }",
        ])
        {
            Assert.Contains($"\t\t{tables.ForFamily(line).Replace("original ip ", family == TableFamily.Ip ? "original ip " : "original ip6 ", StringComparison.Ordinal)}\n", listing, StringComparison.Ordinal);
        }

        AssertSessions(tables);
    }

    private void Commit(ServiceTables tables)
    {
        var family = tables.Name.Family;
        var (address, after) = (tables.AddressLength, Register.R1.Plus(tables.AddressLength));
        var service = Register.R1.Plus(tables.AddressLength);
        var endpoint = service.Plus(address + 8);
        Constant[] constants =
        [
            new(tables.Ip("10.0.0.1", "fd00::1"), service),
            new(new ByteString([17]), service.Plus(address)),
            new(ByteString.OfPort(53), service.Plus(address + 4)),
        ];
        var isNew = ByteString.OfHost((uint)ConnectionStates.New);
        Rule[] rules =
        [
            new("nat", [.. tables.SessionKey, new Lookup("sessions") { Destination = Register.R1 }, new DestinationNat(family, Register.R1, after)]),
            new("nat",
            [
                .. tables.ServiceKey,
                new RandomNumber(2, Register.R1.Plus(address + 8)),
                new Lookup("endpoints") { Destination = Register.R1 },
                new DestinationNat(family, Register.R1, after),
            ]),
            new("session",
            [
                new Conntrack(ConntrackKey.State),
                new Bitwise(isNew, ByteString.OfHost(0)),
                new Compare(Comparison.NotEqual, ByteString.OfHost(0)),
                tables.Source,
                new Conntrack(family == TableFamily.Ip ? ConntrackKey.DestinationIPv4 : ConntrackKey.DestinationIPv6, service, OfOriginal: true),
                new Meta(MetaKey.TransportProtocol, service.Plus(address)),
                new Conntrack(ConntrackKey.DestinationPort, service.Plus(address + 4), OfOriginal: true),
                tables.Destination with { Destination = endpoint },
                Payload.DestinationPort with { Destination = endpoint.Plus(address) },
                new UpdateSet("sessions", Register.R1, endpoint, ServiceTables.SessionTimeout),
            ]),
            // A session that is kept under another address than the packet's: of that address nft shows 0x, and no more.
            new("nat-other", [tables.Source, .. constants, new Lookup("sessions") { Destination = Register.R1 }, new DestinationNat(family, Register.R1, after)]),
            new("session-other",
            [
                tables.Source,
                .. constants,
                tables.Destination with { Destination = endpoint },
                Payload.DestinationPort with { Destination = endpoint.Plus(address) },
                new UpdateSet("sessions", Register.R1, endpoint, ServiceTables.SessionTimeout),
            ]),
        ];
        var transaction = new Transaction(tables.Name).AddTable().AddSet(tables.Endpoints).AddSet(tables.Sessions)
            .AddChain(new Chain("nat") { Hook = new ChainHook(ChainType.Nat, Hook.Output, ChainPriority.DestinationNat) })
            .AddChain(new Chain("session") { Hook = new ChainHook(ChainType.Filter, Hook.Output, ChainPriority.DestinationNat + 5) })
            .AddChain(new Chain("nat-other"))
            .AddChain(new Chain("session-other"));
        foreach (var rule in rules)
            transaction.AppendRule(rule);
        _socket.Commit(transaction);
        foreach (var (wanted, read) in rules.Zip(_socket.Read(tables.Name)!.Rules))
            Assert.True(wanted.IsSameAs(read), $"{string.Join(' ', wanted.Expressions)} is not {string.Join(' ', read.Expressions)}");
    }

    private void AssertSessions(ServiceTables tables) => _kernel.In(() =>
    {
        var client = tables.Ip("10.99.0.2", "fd99::2");
        using var first = Listen(tables.Ip("10.244.0.2", "fd02::2"));
        using var second = Listen(tables.Ip("10.244.0.3", "fd02::3"));
        var service = tables.Key("10.0.0.1", "fd00::1", 6, ServicePort);
        _socket.Commit(new Transaction(tables.Name).AddElements("endpoints",
        [
            new Element(new ByteString([.. service.Span, 0, 0, 0, 0])) { Data = tables.Endpoint("10.244.0.2", "fd02::2", PortOf(first)) },
            new Element(new ByteString([.. service.Span, 1, 0, 0, 0])) { Data = tables.Endpoint("10.244.0.3", "fd02::3", PortOf(second)) },
        ]));

        Connect(tables);
        var session = Assert.Single(_socket.Read(tables.Name)!.Elements["sessions"]);
        Assert.Equal(new ByteString([.. client.Span, .. service.Span]), session.Key);
        var (chosen, other) = first.Pending() ? (first, second) : (second, first);
        _socket.Commit(new Transaction(tables.Name).DeleteElements("sessions", [session])
            .AddElements("sessions", [session with { Timeout = TimeSpan.FromHours(1) }]));
        for (var i = 0; i < 20; i++)
            Connect(tables);

        var lengthened = Assert.Single(_socket.Read(tables.Name)!.Elements["sessions"]);
        Assert.Equal(session.Data, lengthened.Data);
        Assert.InRange(lengthened.Expires!.Value, TimeSpan.FromHours(2), ServiceTables.SessionTimeout);
        Assert.True(chosen.Pending());
        Assert.False(other.Pending());
    });

    private static void Connect(ServiceTables tables)
    {
        using var connection = new Socket(SocketType.Stream, ProtocolType.Tcp);
        connection.Connect(new IPAddress(tables.Ip("10.0.0.1", "fd00::1").Span), ServicePort);
    }

    private static TcpListener Listen(ByteString address)
    {
        var listener = new TcpListener(new IPAddress(address.Span), 0);
        listener.Start();
        return listener;
    }

    private static ushort PortOf(TcpListener listener) => (ushort)((IPEndPoint)listener.LocalEndpoint).Port;
}
