using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.ExceptionServices;
using System.Text.Json.Nodes;
using Podnet.Core.Model;

namespace Podnet.Local.ApiServer;

/// <summary>All objects of one resource at one revision of the store, in the order of namespace and name.</summary>
public sealed record StoreSnapshot(ImmutableSortedDictionary<ObjectName, StoredObject> Objects, long Revision);

/// <summary>
/// Holds every object. Each write gets the next revision of the one count that all resources share, as in etcd. Writes run one at a
/// time, so a write may look at anything before it decides; reads take an immutable snapshot.
/// </summary>
/// <remarks>
/// A store with a database shows nothing, to nobody, that is not on the disk: a write is staged, waits with all others that come
/// meanwhile for the one commit that has them all, and only then do reads, watches and its own caller see it. Where that commit
/// fails, all that was staged is undone and each caller is told; so memory and disk never disagree.
/// </remarks>
public sealed class ObjectStore : IDisposable
{
    /// <summary>Events kept per resource for watches; arbitrary.</summary>
    public const int HistoryLength = 4096;

    /// <summary>So many unfinished paged lists can go on from the state in which they began; arbitrary.</summary>
    private const int PinnedSnapshots = 64;

    /// <summary>
    /// Bytes of an object's JSON, without the backslashes of its escapes: etcd's limit of a request (1.5 MiB), which Kubernetes' objects come up against.
    /// </summary>
    public const int LargestObject = 3 * 1024 * 1024 / 2;

    /// <summary>Bytes of all objects together, about. As etcd's quota, in whose place this is; half of it, as all is in memory.</summary>
    private const long MostBytes = 1 << 30;

    /// <summary>Held while something is written, and of what is written.</summary>
    private readonly Lock _gate = new();

    /// <summary>Of what is to be seen: so no read waits for the work of a write. Taken within <see cref="_gate"/>, or alone.</summary>
    private readonly Lock _view = new();
    private readonly ConcurrentDictionary<string, Shelf> _shelves = new(StringComparer.Ordinal);
    private readonly List<(ResourceDefinition Resource, StoreSnapshot Snapshot)> _pinned = [];
    private readonly int _historyLength;
    private readonly ObjectDatabase? _database;
    private readonly Thread? _committer;
    private readonly SemaphoreSlim _work = new(0);

    /// <summary>Watches can begin here or later.</summary>
    private readonly long _opened = 1;

    /// <summary>The newest that was given out, and the newest that is to be seen.</summary>
    private long _given, _visible;

    /// <summary>What is staged, and what is being committed.</summary>
    private StoreBatch _next = new(), _underway = new();
    private bool _closed;

    /// <summary>Bytes of all objects, as they are staged.</summary>
    private long _bytes;

    /// <summary>In memory only.</summary>
    public ObjectStore(int historyLength = HistoryLength) => (_historyLength, _given, _visible) = (historyLength, _opened, _opened);

    private ObjectStore(ObjectDatabase database, IEnumerable<ResourceDefinition> resources)
    {
        (_historyLength, _database) = (HistoryLength, database);
        _opened = _given = _visible = database.ReadRevision();
        Load(database, resources.ToDictionary(resource => resource.Key));
        _committer = new Thread(CommitAll) { IsBackground = true, Name = "object store" };
        _committer.Start();
    }

    /// <summary>A store that is kept in a file; what an earlier one wrote there is in it, and the revisions go on.</summary>
    /// <exception cref="InvalidDataException">The file was written by a newer Podnet, or is damaged.</exception>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static ObjectStore Open(string path, IEnumerable<ResourceDefinition> resources)
    {
        var database = ObjectDatabase.Open(path);
        try
        {
            return new ObjectStore(database, resources);
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    public long Revision
    {
        get
        {
            lock (_view)
                return _visible;
        }
    }

    /// <summary>Told, newest first and while nothing else is written, of each write that could not be kept: what was written and what was there before, null for nothing.</summary>
    public Action<ResourceDefinition, StoredObject?, StoredObject?> Undone { get; set; } = (_, _, _) => { };

    public StoreSnapshot Snapshot(ResourceDefinition resource)
    {
        lock (_view)
            return new(ShelfOf(resource).Visible, _visible);
    }

    public StoredObject? Get(ResourceDefinition resource, ObjectName name)
    {
        lock (_view)
            return ShelfOf(resource).Visible.GetValueOrDefault(name);
    }

    /// <summary>Keeps a snapshot for the further pages of a list, for as long as the history goes back to it: so it keeps no object that the history doesn't.</summary>
    public void Pin(ResourceDefinition resource, StoreSnapshot snapshot)
    {
        lock (_view)
        {
            if (_pinned.Any(p => p.Resource.Key == resource.Key && p.Snapshot.Revision == snapshot.Revision)
                || !ShelfOf(resource).History.Covers(snapshot.Revision))
                return;
            if (_pinned.Count == PinnedSnapshots)
                _pinned.RemoveAt(0);
            _pinned.Add((resource, snapshot));
        }
    }

    /// <returns>Null where it was not kept, or is no longer.</returns>
    public StoreSnapshot? Pinned(ResourceDefinition resource, long revision)
    {
        lock (_view)
            return _pinned.Find(p => p.Resource.Key == resource.Key && p.Snapshot.Revision == revision).Snapshot;
    }

    /// <summary>A watch from a revision on; null where the events after it are forgotten, or it is of another store.</summary>
    public StoreWatch? Watch(ResourceDefinition resource, long revision)
    {
        lock (_view)
        {
            var history = ShelfOf(resource).History;
            return history.PositionAfter(revision, _visible) is { } position ? new StoreWatch(history, position) : null;
        }
    }

    /// <summary>Runs while no other write does. What it throws after a write does not undo that write: check first.</summary>
    /// <returns>When all that it did, and all that it saw, is on the disk: also a refusal may rest on another's write.</returns>
    /// <exception cref="StatusException">What it threw; or it could not be stored, and nothing has changed.</exception>
    public async Task<T> WriteAsync<T>(Func<Writer, T> work)
    {
        var (result, refusal, saved) = Stage(work);
        await saved;
        if (refusal is not null)
            ExceptionDispatchInfo.Throw(refusal);
        return result;
    }

    /// <summary>Commits what is staged, and closes the file.</summary>
    public void Dispose()
    {
        lock (_gate)
            _closed = true;
        _work.Release();
        _committer?.Join();
        _database?.Dispose();
        _work.Dispose();
    }

    private (T Result, StatusException? Refusal, Task Saved) Stage<T>(Func<Writer, T> work)
    {
        lock (_gate)
        {
            if (_closed)
                throw new StatusException(503, "ServiceUnavailable", "the server is stopping");
            var (result, refusal, before) = (default(T)!, default(StatusException), _next.Changes.Count);
            try
            {
                result = work(new Writer(this));
            }
            catch (StatusException e)
            {
                refusal = e;
            }
            finally
            {
                if (_database is null)
                    Publish(Take());
                else if (before == 0 && _next.Changes.Count > 0)
                    _work.Release();
            }
            return (result, refusal, _next.Changes.Count > 0 ? _next.Saved : _underway.Saved);
        }
    }

    /// <summary>On a thread of its own: one batch after the other, each with all that came while the one before it was on its way to the disk.</summary>
    private void CommitAll()
    {
        while (true)
        {
            _work.Wait();
            StoreBatch batch;
            lock (_gate)
            {
                if (_next.Changes.Count == 0)
                {
                    if (_closed)
                        return;
                    continue;
                }
                batch = Take();
            }
            try
            {
                _database!.Commit(batch.Changes, batch.Revision);
            }
            catch (Exception e) when (e is IOException or InvalidDataException)
            {
                lock (_gate)
                    Undo(e);
                continue;
            }
            lock (_gate)
                Publish(batch);
        }
    }

    /// <summary>What is staged is from here on its way to the disk.</summary>
    private StoreBatch Take()
    {
        (_underway, _next) = (_next, new StoreBatch());
        _underway.Close(_given, resource => ShelfOf(resource).Staged);
        return _underway;
    }

    private void Publish(StoreBatch batch)
    {
        lock (_view)
        {
            _visible = batch.Revision;
            foreach (var (resource, objects) in batch.Objects)
            {
                var shelf = ShelfOf(resource);
                shelf.Visible = objects;
                shelf.History.Append(batch.Changes.Where(c => c.Resource.Key == resource.Key).Select(c => c.Change));
            }
            _pinned.RemoveAll(p => !ShelfOf(p.Resource).History.Covers(p.Snapshot.Revision));
        }
        batch.Succeed();
    }

    /// <summary>The batch underway failed, and what is staged behind it may rest on it. Revisions that were given out are not given out again.</summary>
    private void Undo(Exception why)
    {
        var failure = new StatusException(500, "InternalError", $"Internal error occurred: nothing was stored: {why.Message}");
        StoreBatch[] failed = [_underway, _next];
        foreach (var (resource, change) in failed.SelectMany(batch => batch.Changes).Reverse())
        {
            Undone(resource, change.Type == WatchEventType.Deleted ? null : change.Object, change.Before);
            var shelf = ShelfOf(resource);
            shelf.Staged = shelf.Visible;
            _bytes -= GrowthOf(change);
        }
        (_underway, _next) = (new StoreBatch(), new StoreBatch());
        _underway.Succeed();
        foreach (var batch in failed)
            batch.Fail(failure);
    }

    private void Load(ObjectDatabase database, Dictionary<string, ResourceDefinition> resources)
    {
        var builders = resources.ToDictionary(r => r.Key, _ => ImmutableSortedDictionary.CreateBuilder<ObjectName, StoredObject>());
        database.ReadAll((key, revision, json) =>
        {
            // A kind that this program does not serve stays in the file.
            if (!resources.TryGetValue(key, out var resource))
                return;
            var stored = resource.ToStored(ObjectJson.Parse(json), revision);
            builders[key][stored.Name] = stored;
        });
        foreach (var (key, objects) in builders)
        {
            var shelf = ShelfOf(resources[key]);
            shelf.Staged = shelf.Visible = objects.ToImmutable();
            _bytes += objects.Values.Sum(stored => stored.Size);
        }
    }

    private Shelf ShelfOf(ResourceDefinition resource) =>
        _shelves.GetOrAdd(resource.Key, static (_, store) => new(new EventHistory(store._historyLength, store._opened)), this);

    private static long GrowthOf(WatchEvent change) =>
        (change.Type == WatchEventType.Deleted ? 0 : change.Object.Size) - (change.Before?.Size ?? 0);

    private void Stage(ResourceDefinition resource, WatchEvent change)
    {
        _next.Changes.Add((resource, change));
        _bytes += GrowthOf(change);
    }

    private void CheckSize(StoredObject stored)
    {
        if (stored.Json.Length > LargestObject && stored.Json.Length - stored.Json.AsSpan().Count((byte)'\\') > LargestObject)
            throw StatusException.TooLarge(LargestObject);
        if (_bytes + stored.Size > MostBytes)
            throw new StatusException(500, "InternalError", $"Internal error occurred: all objects together may not be more than {MostBytes} bytes: delete some");
    }

    private sealed class Shelf(EventHistory history)
    {
        public EventHistory History { get; } = history;

        /// <summary>With all writes.</summary>
        public ImmutableSortedDictionary<ObjectName, StoredObject> Staged { get; set; } = ImmutableSortedDictionary<ObjectName, StoredObject>.Empty;

        /// <summary>With those that are on the disk.</summary>
        public ImmutableSortedDictionary<ObjectName, StoredObject> Visible { get; set; } = ImmutableSortedDictionary<ObjectName, StoredObject>.Empty;
    }

    /// <summary>The right to write, while <see cref="WriteAsync{T}"/> runs its work.</summary>
    public readonly struct Writer(ObjectStore store)
    {
        public StoredObject? Get(ResourceDefinition resource, ObjectName name) =>
            store.ShelfOf(resource).Staged.GetValueOrDefault(name);

        public IEnumerable<StoredObject> All(ResourceDefinition resource) => store.ShelfOf(resource).Staged.Values;

        /// <summary>Creates or replaces; the object gets its new resourceVersion.</summary>
        /// <param name="limited">False for what the server itself writes into an object: it must get rid of one that is at its limit.</param>
        /// <exception cref="StatusException">413, and nothing is written.</exception>
        public StoredObject Put(ResourceDefinition resource, JsonObject json, bool limited = false)
        {
            var shelf = store.ShelfOf(resource);
            var stored = resource.ToStored(json, ++store._given);
            if (limited)
                store.CheckSize(stored);
            var before = shelf.Staged.GetValueOrDefault(stored.Name);
            shelf.Staged = shelf.Staged.SetItem(stored.Name, stored);
            store.Stage(resource, new(before is null ? WatchEventType.Added : WatchEventType.Modified, stored, before));
            return stored;
        }

        /// <returns>The object as it was last, with the revision of its deletion.</returns>
        public StoredObject Remove(ResourceDefinition resource, StoredObject before)
        {
            var shelf = store.ShelfOf(resource);
            var last = resource.ToStored(ObjectJson.Parse(before.Json), ++store._given);
            shelf.Staged = shelf.Staged.Remove(before.Name);
            store.Stage(resource, new(WatchEventType.Deleted, last, before));
            return last;
        }
    }
}

/// <summary>A place in a resource's history.</summary>
public sealed class StoreWatch
{
    private readonly EventHistory _history;
    private long _position;

    internal StoreWatch(EventHistory history, long position) => (_history, _position) = (history, position);

    /// <summary>Adds what has happened since the last call, or the first part of it.</summary>
    /// <param name="more">Completes when there is more.</param>
    /// <returns>False where this watch fell so far behind that events are lost to it.</returns>
    public bool TryRead(List<WatchEvent> into, out Task more) => _history.TryRead(ref _position, into, out more);
}
