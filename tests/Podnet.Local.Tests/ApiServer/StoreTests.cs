using System.Net;
using System.Text.Json.Nodes;
using CsCheck;
using Podnet.Core.Model;
using Podnet.Local.ApiServer;

namespace Podnet.Local.Tests.ApiServer;

public sealed class StoreTests
{
    private static readonly ResourceTable Table = new([IPNetwork.Parse("10.0.0.0/16")]);
    private static readonly ResourceDefinition ConfigMaps = Table.Find("", "v1", "configmaps")!;

    /// <summary>Each number writes (even) or removes (odd) one of four objects.</summary>
    private static readonly Gen<int[]> Steps = Gen.Int[0, 7].Array[0, 60];

    [Fact]
    public void A_watch_from_any_revision_leads_to_the_same_end() => Steps.Sample(steps =>
    {
        var store = new ObjectStore();
        var states = new List<(long Revision, Dictionary<string, long> Objects)> { (store.Revision, []) };
        foreach (var step in steps)
        {
            Do(store, step);
            states.Add((store.Revision, Contents(store)));
        }
        foreach (var (revision, objects) in states)
        {
            var replayed = new Dictionary<string, long>(objects);
            foreach (var change in EventsAfter(store, revision))
            {
                if (change.Type == WatchEventType.Deleted)
                    Assert.True(replayed.Remove(change.Object.Name.Name));
                else
                    Assert.Equal(change.Type == WatchEventType.Added, replayed.TryAdd(change.Object.Name.Name, 0));
                if (change.Type != WatchEventType.Deleted)
                    replayed[change.Object.Name.Name] = change.Revision;
            }
            Assert.Equal(Contents(store), replayed);
        }
    });

    [Fact]
    public void Revisions_only_grow_and_every_object_carries_its_own() => Steps.Sample(steps =>
    {
        var store = new ObjectStore();
        foreach (var step in steps)
            Do(store, step);
        var revisions = EventsAfter(store, 1).Select(e => e.Revision).ToList();
        Assert.Equal(revisions.Order().Distinct(), revisions);
        foreach (var stored in store.Snapshot(ConfigMaps).Objects.Values)
            Assert.Equal($"{stored.Revision}", JsonNode.Parse(stored.Json)!["metadata"]!["resourceVersion"]!.GetValue<string>());
    });

    [Fact]
    public void A_watch_begins_exactly_where_the_history_still_reaches() => Steps.Sample(steps =>
    {
        const int kept = 5;
        var store = new ObjectStore(kept);
        var written = new List<long>();
        foreach (var step in steps)
        {
            if (Do(store, step) is { } revision)
                written.Add(revision);
        }
        for (var revision = 1L; revision <= store.Revision; revision++)
        {
            var after = written.Count(w => w > revision);
            if (after > kept)
                Assert.Null(store.Watch(ConfigMaps, revision));
            else
                Assert.Equal(written.Skip(written.Count - after), EventsAfter(store, revision).Select(e => e.Revision));
        }
        Assert.Null(store.Watch(ConfigMaps, store.Revision + 1));
    });

    [Fact]
    public void A_watch_that_falls_behind_the_history_is_told_so()
    {
        var store = new ObjectStore(historyLength: 4);
        var watch = store.Watch(ConfigMaps, store.Revision)!;
        for (var i = 0; i < 5; i++)
            Put(store, "a");
        Assert.False(watch.TryRead([], out _));
    }

    [Fact]
    public void A_waiting_watch_is_woken_by_the_next_write()
    {
        var store = new ObjectStore();
        var watch = store.Watch(ConfigMaps, store.Revision)!;
        List<WatchEvent> events = [];
        Assert.True(watch.TryRead(events, out var more));
        Assert.False(more.IsCompleted);
        Put(store, "a");
        Assert.True(more.IsCompleted);
        Assert.True(watch.TryRead(events, out _));
        Assert.Equal("a", Assert.Single(events).Object.Name.Name);
    }

    private static List<WatchEvent> EventsAfter(ObjectStore store, long revision)
    {
        List<WatchEvent> events = [];
        Assert.True(store.Watch(ConfigMaps, revision)!.TryRead(events, out _));
        return events;
    }

    private static Dictionary<string, long> Contents(ObjectStore store) =>
        store.Snapshot(ConfigMaps).Objects.Values.ToDictionary(o => o.Name.Name, o => o.Revision);

    /// <returns>The revision of what was written; null for nothing.</returns>
    private static long? Do(ObjectStore store, int step)
    {
        var name = $"o{step / 2}";
        if (step % 2 == 0)
            return Put(store, name);
        return store.Get(ConfigMaps, new ObjectName("default", name)) is { } there
            ? Written(store.WriteAsync(w => w.Remove(ConfigMaps, there))).Revision
            : null;
    }

    private static long Put(ObjectStore store, string name) => Written(store.WriteAsync(w => w.Put(ConfigMaps, new JsonObject
    {
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default" },
    }))).Revision;

    /// <summary>In memory a write has happened when the call returns.</summary>
    private static StoredObject Written(Task<StoredObject> write)
    {
        Assert.True(write.IsCompleted);
        return write.Result;
    }
}
