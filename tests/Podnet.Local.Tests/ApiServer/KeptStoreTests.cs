using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;
using Podnet.Core.Model;
using Podnet.Linux;
using Podnet.Local.ApiServer;

namespace Podnet.Local.Tests.ApiServer;

/// <summary>What a store with a database promises: what was acknowledged is there, what was refused is not, whatever happens.</summary>
public sealed class KeptStoreTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("podnet-store-").FullName;

    private string Database => $"{_folder}/objects.db";

    [Fact]
    public async Task A_store_that_is_opened_again_has_its_objects_and_goes_on_counting()
    {
        long last;
        Dictionary<string, string> contents;
        using (var store = Open())
        {
            for (var i = 0; i < 20; i++)
                await PutAsync(store, $"o{i % 7}", i);
            last = (await RemoveAsync(store, "o3")).Revision;
            contents = Contents(store);
        }
        using var again = Open();
        Assert.Equal(contents, Contents(again));
        Assert.Equal(last, again.Revision);
        Assert.Equal(last + 1, (await PutAsync(again, "new", 1)).Revision);
    }

    [Fact]
    public async Task A_watch_from_before_the_restart_is_refused_and_one_from_now_on_is_not()
    {
        using (var store = Open())
        {
            await PutAsync(store, "a", 1);
            await PutAsync(store, "a", 2);
        }
        using var again = Open();
        Assert.Null(again.Watch(Resources.ConfigMaps, again.Revision - 1));
        var watch = again.Watch(Resources.ConfigMaps, again.Revision)!;
        await PutAsync(again, "b", 1);
        List<WatchEvent> events = [];
        Assert.True(watch.TryRead(events, out _));
        Assert.Equal("b", Assert.Single(events).Object.Name.Name);
    }

    [Fact]
    public async Task Writes_at_once_are_seen_in_the_order_of_their_revisions()
    {
        using var store = Open();
        var watch = store.Watch(Resources.ConfigMaps, store.Revision)!;
        var written = await Task.WhenAll(Enumerable.Range(0, 500).Select(i => Task.Run(() => PutAsync(store, $"o{i}", i))));
        List<WatchEvent> events = [];
        Task more;
        do
            Assert.True(watch.TryRead(events, out more));
        while (more.IsCompleted);
        Assert.Equal(written.Select(w => w.Revision).Order(), events.Select(e => e.Revision));
    }

    [Fact]
    public void A_file_of_a_newer_format_is_refused_by_name()
    {
        Open().Dispose();
        using (var connection = new SqliteConnection($"Data Source={Database};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "UPDATE meta SET format = 2";
            command.ExecuteNonQuery();
        }
        var error = Assert.Throws<InvalidDataException>(Open);
        Assert.Equal($"{Database} has format 2, of a newer Podnet; this one reads up to 1: start the cluster with the newer one, or take it away with 'podnet down'", error.Message);
    }

    [Fact]
    public void Two_servers_cannot_have_one_file()
    {
        using var store = Open();
        Assert.Equal($"{Database} is in use by another process", Assert.Throws<IOException>(Open).Message);
    }

    [Fact]
    public void A_file_that_is_no_database_is_refused_and_left_alone()
    {
        File.WriteAllText(Database, new string('x', 5000));
        Assert.Contains("is damaged", Assert.Throws<InvalidDataException>(Open).Message, StringComparison.Ordinal);
        Assert.Equal(5000, new FileInfo(Database).Length);
    }

    [Fact]
    public async Task A_full_disk_refuses_writes_whole_and_they_go_on_once_there_is_room()
    {
        Mounts.Tmpfs(_folder, "4m");
        try
        {
            Dictionary<string, string> before;
            var undone = new List<string>();
            using (var store = Open())
            {
                store.Undone = (_, now, was) => undone.Add($"{now?.Name.Name} {was?.Name.Name}");
                await PutAsync(store, "kept", 1);
                Fill();
                var refused = await Task.WhenAll(Enumerable.Range(0, 64).Select(i => Task.Run(() => RefusedAsync(store, $"big{i}"))));
                before = Contents(store);
                Assert.Contains(refused, r => r is not null);
                Assert.All(refused.OfType<StatusException>(), e => Assert.Equal(
                    (500, $"Internal error occurred: nothing was stored: {Database}: the disk is full"), (e.Code, e.Message)));
                Assert.Equal(refused.Count(r => r is null) + 1, before.Count);
                Assert.Equal(refused.Count(r => r is not null), undone.Count);
                File.Delete($"{_folder}/filler");
                await PutAsync(store, "after", 1);
                before = Contents(store);
            }
            using var again = Open();
            Assert.Equal(before, Contents(again));
        }
        finally
        {
            Mounts.UnmountIfMounted(_folder);
        }
    }

    [Fact]
    public async Task A_log_that_is_torn_anywhere_gives_the_state_after_some_write_and_never_half_of_one()
    {
        var states = new Dictionary<long, Dictionary<string, string>>();
        using (var store = Open())
        {
            states[store.Revision] = Contents(store);
            for (var i = 0; i < 25; i++)
            {
                // Two objects in one write: both or none.
                await store.WriteAsync(writer => (writer.Put(Resources.ConfigMaps, Resources.ConfigMap("twin-a", i)), writer.Put(Resources.ConfigMaps, Resources.ConfigMap("twin-b", i))));
                states[store.Revision] = Contents(store);
            }
            File.Copy(Database, $"{_folder}/whole.db");
            File.Copy($"{Database}-wal", $"{_folder}/whole.wal");
        }
        var log = File.ReadAllBytes($"{_folder}/whole.wal");
        var random = new Random(1);
        var seen = new HashSet<long>();
        for (var i = 0; i < 60; i++)
        {
            File.Copy($"{_folder}/whole.db", Database, overwrite: true);
            File.WriteAllBytes($"{Database}-wal", log[..random.Next(log.Length)]);
            using var store = Open();
            seen.Add(store.Revision);
            Assert.Equal(states[store.Revision], Contents(store));
        }
        Assert.True(seen.Count > 5, "the log was not torn in different places");
    }

    [Fact]
    public async Task No_acknowledged_write_is_lost_to_a_kill_9_under_load()
    {
        var expected = new Dictionary<string, int>();
        long revision = 0;
        for (var round = 0; round < 20; round++)
        {
            var acknowledged = await StoreWriter.RunAndKillAsync(Database, round, TimeSpan.FromMilliseconds(Random.Shared.Next(20, 300)));
            using var store = Open();
            var stored = store.Snapshot(Resources.ConfigMaps);
            foreach (var (name, step) in acknowledged)
            {
                var found = StoreWriter.StepOf(stored.Objects.GetValueOrDefault(new ObjectName("default", name)));
                // The one after the last that was acknowledged may have got through as well.
                Assert.Contains(found, (int?[])[StoreWriter.Visible(step), StoreWriter.Visible(step + 1)]);
                if (found is { } kept)
                    expected[name] = kept;
            }
            foreach (var (name, step) in expected)
                Assert.Equal(step, StoreWriter.StepOf(stored.Objects.GetValueOrDefault(new ObjectName("default", name))));
            // Each of these objects was written once at least; a child that is killed early wrote nothing else.
            Assert.True(store.Revision >= revision + acknowledged.Count, "revisions were given out twice");
            revision = store.Revision;
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Leaves a quarter of a megabyte.</summary>
    private void Fill()
    {
        using var filler = File.Create($"{_folder}/filler");
        filler.Write(new byte[new DriveInfo(_folder).AvailableFreeSpace - (256 * 1024)]);
    }

    private static async Task<StatusException?> RefusedAsync(ObjectStore store, string name)
    {
        try
        {
            await store.WriteAsync(writer => writer.Put(Resources.ConfigMaps, Resources.ConfigMap(name, 0, new string('x', 20_000))));
            return null;
        }
        catch (StatusException e)
        {
            return e;
        }
    }

    private ObjectStore Open() => ObjectStore.Open(Database, Resources.Table.All);

    private static Dictionary<string, string> Contents(ObjectStore store) => store.Snapshot(Resources.ConfigMaps).Objects.Values
        .ToDictionary(o => o.Name.Name, o => System.Text.Encoding.UTF8.GetString(o.Json));

    private static Task<StoredObject> PutAsync(ObjectStore store, string name, int step) =>
        store.WriteAsync(writer => writer.Put(Resources.ConfigMaps, Resources.ConfigMap(name, step)));

    private static Task<StoredObject> RemoveAsync(ObjectStore store, string name) =>
        store.WriteAsync(writer => writer.Remove(Resources.ConfigMaps, writer.Get(Resources.ConfigMaps, new ObjectName("default", name))!));

    internal static class Resources
    {
        internal static ResourceTable Table { get; } = new([IPNetwork.Parse("10.0.0.0/16")]);

        internal static ResourceDefinition ConfigMaps { get; } = Table.Find("", "v1", "configmaps")!;

        internal static JsonObject ConfigMap(string name, int step, string filler = "") => new()
        {
            ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default" },
            ["data"] = new JsonObject { ["step"] = $"{step}", ["filler"] = filler },
        };
    }
}
