using System.Net;
using System.Text.Json.Nodes;
using Podnet.Local.ApiServer;

namespace Podnet.Local.Tests.ApiServer;

public sealed class EventExpiryTests
{
    private static readonly ResourceTable Table = new([IPNetwork.Parse("10.0.0.0/16")]);
    private static readonly ResourceDefinition Events = Table.Find("", "v1", "events")!;

    [Fact]
    public async Task An_Event_goes_an_hour_after_it_was_last_written()
    {
        using var store = new ObjectStore();
        var running = new Passing(store);
        await PutAsync(store, "old");
        await PutAsync(store, "again");
        await running.PassAsync(TimeSpan.FromMinutes(40));
        await PutAsync(store, "again");
        await running.PassAsync(TimeSpan.FromMinutes(19));
        Assert.Equal(["again", "old"], Names(store));
        await running.PassAsync(TimeSpan.FromMinutes(2));
        Assert.Equal(["again"], Names(store));
        await running.PassAsync(TimeSpan.FromMinutes(40));
        Assert.Empty(Names(store));
    }

    [Fact]
    public async Task Of_too_many_Events_the_newest_stay()
    {
        using var store = new ObjectStore();
        var running = new Passing(store);
        for (var i = 0; i < EventExpiry.Most + 5; i++)
            await PutAsync(store, $"e{i:d5}");
        await running.PassAsync(EventExpiry.Period);
        Assert.Equal(Enumerable.Range(5, EventExpiry.Most).Select(i => $"e{i:d5}"), Names(store));
    }

    private static Task PutAsync(ObjectStore store, string name) => store.WriteAsync(writer =>
        writer.Put(Events, new JsonObject { ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default" } }));

    private static IEnumerable<string> Names(ObjectStore store) => store.Snapshot(Events).Objects.Keys.Select(name => name.Name);

    /// <summary>A look every <see cref="EventExpiry.Period"/>, as time passes.</summary>
    private sealed class Passing(ObjectStore store) : TimeProvider
    {
        private DateTimeOffset _now = DateTimeOffset.UnixEpoch;
        private EventExpiry? _expiry;

        public override DateTimeOffset GetUtcNow() => _now;

        public async Task PassAsync(TimeSpan time)
        {
            _expiry ??= new EventExpiry(Events, store, this);
            for (var end = _now + time; _now < end;)
            {
                _now += EventExpiry.Period;
                await _expiry.LookAsync();
            }
        }
    }
}
