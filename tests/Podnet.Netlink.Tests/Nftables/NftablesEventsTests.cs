using Podnet.Netlink.Nftables;
using Podnet.Testing;

namespace Podnet.Netlink.Tests;

public sealed class NftablesEventsTests : IDisposable
{
    private static readonly TableName Name = new(TableFamily.Ip, "podnet");
    private readonly Kernel _kernel = new();
    private readonly NftablesSocket _socket;
    private readonly NftablesEvents _events;

    public NftablesEventsTests()
    {
        _socket = _kernel.In(() => new NftablesSocket());
        _events = _kernel.In(() => new NftablesEvents());
    }

    public void Dispose()
    {
        _events.Dispose();
        _socket.Dispose();
        _kernel.Dispose();
    }

    [Fact]
    public void What_somebody_else_changes_is_told_with_who_did_it()
    {
        _kernel.Run("nft", "add table ip6 other { set s { type ipv4_addr; elements = { 1.2.3.4 }; }; chain c { accept; }; }");
        AssertEvents(
            "New Table ip6 other", "New Chain ip6 other c", "New Set ip6 other s", "New Element ip6 other s 01020304", "New Rule ip6 other c",
            $"New Generation by nft");

        _kernel.Run("nft", "delete element ip6 other s { 1.2.3.4 }");
        AssertEvents("Deleted Element ip6 other s 01020304", "New Generation by nft");

        _kernel.Run("nft", "delete table ip6 other");
        AssertEvents("Deleted Rule ip6 other c", "Deleted Set ip6 other s", "Deleted Chain ip6 other c", "Deleted Table ip6 other", "New Generation by nft");
    }

    [Fact]
    public void Own_changes_have_the_own_port_and_generation()
    {
        _socket.Commit(new Transaction(Name).AddTable().AddChain(new Chain("c")));

        var events = _events.Receive(CancellationToken.None);
        if (events.All(e => e.Subject != NftablesSubject.Generation))
            events = [.. events, .. _events.Receive(CancellationToken.None)];

        Assert.All(events, e => Assert.Equal(_socket.Port, e.Port));
        Assert.Equal(_socket.Generation(), events[^1].Generation!.Id);
    }

    [Fact]
    public void Events_that_came_too_fast_are_told_to_be_lost_and_the_next_ones_come_again()
    {
        var transaction = new Transaction(Name).AddTable().AddSet(new Set("many", DataType.IPv4Address));
        transaction.AddElements("many", Enumerable.Range(0, 300_000).Select(i => new Element(ByteString.OfHost((uint)i))));
        _socket.Commit(transaction);

        var subjects = new List<NftablesSubject>();
        while (_events.ReceiveIfReady() is { Count: > 0 } events)
            subjects.AddRange(events.Select(e => e.Subject));

        Assert.Contains(NftablesSubject.Lost, subjects);
        _kernel.Run("nft", "delete table ip podnet");
        AssertEvents("Deleted Set ip podnet many", "Deleted Table ip podnet", "New Generation by nft");
    }

    [Fact]
    public async Task Waiting_for_events_ends_with_its_cancellation()
    {
        using var cancel = new CancellationTokenSource();
        var waiting = Task.Run(() => _events.Receive(cancel.Token), CancellationToken.None);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Empty(_events.ReceiveIfReady());
    }

    [Fact]
    public async Task Waiting_ends_with_the_next_change()
    {
        var waiting = Task.Run(() => _events.Receive(CancellationToken.None), TestContext.Current.CancellationToken);

        _socket.Commit(new Transaction(Name).AddTable());

        Assert.Equal(Name, (await waiting)[0].Table);
    }

    private void AssertEvents(params string[] expected)
    {
        var events = new List<string>();
        while (_events.ReceiveIfReady() is { Count: > 0 } next)
            events.AddRange(next.Select(Print));
        Assert.Equal(expected, events);
    }

    private static string Print(NftablesEvent happened)
    {
        string?[] words =
        [
            happened.IsNew ? "New" : "Deleted", happened.Subject.ToString(), happened.Table?.ToString(), happened.Name, .. happened.Keys.Select(k => k.ToString()),
            happened.Generation is { } generation ? $"by {generation.ThreadName}" : "",
        ];
        return string.Join(' ', words.Where(word => !string.IsNullOrEmpty(word)));
    }
}
