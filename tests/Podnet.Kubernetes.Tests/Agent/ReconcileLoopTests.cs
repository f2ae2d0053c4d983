using System.Collections.Concurrent;
using System.Diagnostics;
using Podnet.Agent;
using Podnet.Core.Model;
using Podnet.Kubernetes.Tests.Watching;
using Podnet.Testing;

namespace Podnet.Kubernetes.Tests.Agent;

public sealed class ReconcileLoopTests : IAsyncDisposable
{
    private static readonly TimeSpan Never = TimeSpan.FromHours(1);
    private static readonly LoopTiming Quiet = new() { CheckPeriod = Never, SyncPeriod = Never };

    private readonly RecordingLogger _log = new();
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }

    private static ClusterState State(string node) =>
        ClusterState.Empty with { Nodes = ClusterState.Empty.Nodes.Add(node, new Node(node)) };

    private ReconcileLoop Start(LoopTiming timing, params FakePart[] parts)
    {
        var loop = new ReconcileLoop(parts, timing, _log);
        _running = loop.RunAsync(_stop.Token);
        return loop;
    }

    private Task UntilAsync(Func<bool> holds) => Poll.UntilAsync(holds, () => string.Join('\n', _log.Lines));

    [Fact]
    public async Task Nothing_is_written_before_the_first_state_not_even_as_repair()
    {
        var part = new FakePart { Intact = false };
        var loop = Start(new LoopTiming { CheckPeriod = TimeSpan.FromMilliseconds(1), SyncPeriod = TimeSpan.FromMilliseconds(1) }, part);
        var began = Stopwatch.GetTimestamp();
        await UntilAsync(() => Stopwatch.GetElapsedTime(began) > TimeSpan.FromMilliseconds(50));
        Assert.Empty(part.Applied);
        loop.Want(State("a"), ClusterChanges.OfNodes);
        await UntilAsync(() => !part.Applied.IsEmpty);
        Assert.Equal(("a", true), part.Applied.First());
    }

    [Fact]
    public async Task A_burst_is_written_together_and_ends_with_the_last_state()
    {
        var part = new FakePart { Block = new ManualResetEventSlim() };
        var applied = new ConcurrentQueue<ClusterState>();
        var loop = Start(Quiet, part);
        loop.Applied = applied.Enqueue;
        loop.Want(State("first"), ClusterChanges.OfNodes);
        await UntilAsync(() => part.Applied.Count == 1);
        for (var i = 0; i < 1000; i++)
            loop.Want(State($"n{i}"), ClusterChanges.OfNodes);
        part.Block.Set();
        await UntilAsync(() => part.Applied.LastOrDefault().Node == "n999");
        Assert.Equal(2, part.Applied.Count);
        Assert.False(part.Applied.Last().ReadBack);
        await UntilAsync(() => applied.LastOrDefault()?.Nodes.ContainsKey("n999") == true);
    }

    [Fact]
    public async Task A_part_that_fails_is_tried_again_and_holds_up_nobody()
    {
        var broken = new FakePart { Name = "broken", Failures = 3 };
        var good = new FakePart { Name = "good" };
        var applied = 0;
        var loop = Start(Quiet with { FirstRetry = TimeSpan.FromMilliseconds(5) }, broken, good);
        loop.Applied = _ => applied++;
        loop.Want(State("a"), ClusterChanges.OfNodes);
        await UntilAsync(() => good.Applied.Count == 1);
        await UntilAsync(() => applied == 1);
        Assert.Equal(4, broken.Applied.Count);
        Assert.All(broken.Applied, each => Assert.True(each.ReadBack));
        Assert.Single(good.Applied);
        Assert.Contains("broken: works again after 3 failures", _log.Lines);
    }

    [Fact]
    public async Task A_part_is_told_what_changed_since_it_last_succeeded_and_at_first_everything()
    {
        var part = new FakePart();
        var loop = Start(Quiet with { FirstRetry = TimeSpan.FromMilliseconds(5) }, part);
        loop.Want(State("a"), ClusterChanges.Everything);
        await UntilAsync(() => part.Changes.Count == 1);
        Assert.True(part.Changes.Last().IsEverything);
        part.Failures = 1;
        loop.Want(State("a"), ClusterChanges.OfServices(new ObjectName("default", "one")));
        await UntilAsync(() => part.Changes.Count == 3);
        loop.Want(State("a"), ClusterChanges.OfServices(new ObjectName("default", "two")));
        await UntilAsync(() => part.Changes.Count == 4);
        Assert.Equal(["one", "one", "two"], part.Changes.Skip(1).Select(each => each.Services.Single().Name));
        Assert.All(part.Changes.Skip(1), each => Assert.False(each.IsEverything || each.Nodes));
    }

    [Fact]
    public async Task Changes_pile_up_while_a_part_fails()
    {
        var part = new FakePart();
        var loop = Start(Quiet with { FirstRetry = TimeSpan.FromMilliseconds(5) }, part);
        loop.Want(State("a"), ClusterChanges.Everything);
        await UntilAsync(() => part.Changes.Count == 1);
        part.Failures = int.MaxValue;
        loop.Want(State("a"), ClusterChanges.OfServices(new ObjectName("default", "one")));
        await UntilAsync(() => part.Changes.Count > 1);
        loop.Want(State("a"), ClusterChanges.OfServices(new ObjectName("default", "two")));
        await UntilAsync(() => part.Changes.Last().Services.Count == 2);
    }

    [Fact]
    public async Task What_somebody_flushed_is_put_back()
    {
        var part = new FakePart();
        var loop = Start(Quiet with { CheckPeriod = TimeSpan.FromMilliseconds(5) }, part);
        loop.Want(State("a"), ClusterChanges.OfNodes);
        await UntilAsync(() => part.Applied.Count == 1 && part.Checks > 2);
        part.Intact = false;
        await UntilAsync(() => _log.Lines.Contains("fake: somebody else changed them; put back: 1 rule"));
        Assert.Single(part.Applied);
        part.CannotRepair = true;
        await UntilAsync(() => part.Applied.Count == 2);
        Assert.Equal(("a", true), part.Applied.Last());
    }

    [Fact]
    public async Task Everything_is_read_back_in_every_sync_period()
    {
        var part = new FakePart();
        var loop = Start(Quiet with { SyncPeriod = TimeSpan.FromMilliseconds(5) }, part);
        loop.Want(State("a"), ClusterChanges.OfNodes);
        await UntilAsync(() => part.Applied.Count >= 4);
        Assert.All(part.Applied, each => Assert.True(each.ReadBack));
    }

    private sealed class FakePart : IDataplanePart
    {
        public string Name { get; init; } = "fake";

        public ManualResetEventSlim? Block { get; init; }

        public int Failures { get; set; }

        public bool Intact { get; set; } = true;

        public bool CannotRepair { get; set; }

        public int Checks { get; private set; }

        public ConcurrentQueue<(string Node, bool ReadBack)> Applied { get; } = [];

        public ConcurrentQueue<ClusterChanges> Changes { get; } = [];

        public string? Apply(ClusterState state, ClusterChanges changes, bool readBack)
        {
            Applied.Enqueue((state.Nodes.Keys.Single(), readBack));
            Changes.Enqueue(changes);
            Block?.Wait();
            if (Failures-- > 0)
                throw new IOException("not now");
            CannotRepair = false;
            return null;
        }

        public string? Repair()
        {
            Checks++;
            if (CannotRepair)
                throw new IOException("in use");
            var done = Intact ? null : "1 rule";
            Intact = true;
            return done;
        }
    }
}
