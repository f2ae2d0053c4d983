using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Podnet.Core.Model;

namespace Podnet.Local.ApiServer;

/// <summary>All objects of one resource at one revision of the store, in the order of namespace and name.</summary>
public sealed record StoreSnapshot(ImmutableSortedDictionary<ObjectName, StoredObject> Objects, long Revision);

/// <summary>
/// Holds every object. Each write gets the next revision of the one count that all resources share, as in etcd. Reads take
/// an immutable snapshot; writes run one at a time, so a write may look at anything before it decides.
/// </summary>
/// <param name="historyLength">Events kept per resource for watches; the default is arbitrary.</param>
public sealed class ObjectStore(int historyLength = 4096)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Shelf> _shelves = new(StringComparer.Ordinal);
    private readonly Queue<(string Resource, StoreSnapshot Snapshot)> _pinned = new();
    private long _revision = 1;

    /// <summary>So many unfinished paged lists can go on from the state in which they began; arbitrary.</summary>
    private const int PinnedSnapshots = 64;

    public long Revision
    {
        get
        {
            lock (_gate)
                return _revision;
        }
    }

    public StoreSnapshot Snapshot(ResourceDefinition resource)
    {
        lock (_gate)
            return new(ShelfOf(resource).Objects, _revision);
    }

    public StoredObject? Get(ResourceDefinition resource, ObjectName name)
    {
        lock (_gate)
            return ShelfOf(resource).Objects.GetValueOrDefault(name);
    }

    /// <summary>Keeps a snapshot for the further pages of a list.</summary>
    public void Pin(ResourceDefinition resource, StoreSnapshot snapshot)
    {
        lock (_gate)
        {
            if (_pinned.Any(p => p.Resource == resource.Key && p.Snapshot.Revision == snapshot.Revision))
                return;
            if (_pinned.Count == PinnedSnapshots)
                _pinned.Dequeue();
            _pinned.Enqueue((resource.Key, snapshot));
        }
    }

    /// <returns>Null where it was not kept, or is no longer.</returns>
    public StoreSnapshot? Pinned(ResourceDefinition resource, long revision)
    {
        lock (_gate)
            return _pinned.FirstOrDefault(p => p.Resource == resource.Key && p.Snapshot.Revision == revision).Snapshot;
    }

    /// <summary>A watch from a revision on; null where the events after it are forgotten, or it is of another store.</summary>
    public StoreWatch? Watch(ResourceDefinition resource, long revision)
    {
        lock (_gate)
        {
            var history = ShelfOf(resource).History;
            return history.PositionAfter(revision, _revision) is { } position ? new StoreWatch(history, position) : null;
        }
    }

    /// <summary>Runs while no other write does. What it throws after a write does not undo that write: check first.</summary>
    public T Write<T>(Func<Writer, T> work)
    {
        lock (_gate)
            return work(new Writer(this));
    }

    private Shelf ShelfOf(ResourceDefinition resource)
    {
        if (!_shelves.TryGetValue(resource.Key, out var shelf))
            _shelves[resource.Key] = shelf = new(new EventHistory(historyLength));
        return shelf;
    }

    private sealed class Shelf(EventHistory history)
    {
        public EventHistory History { get; } = history;

        public ImmutableSortedDictionary<ObjectName, StoredObject> Objects { get; set; } =
            ImmutableSortedDictionary<ObjectName, StoredObject>.Empty;
    }

    /// <summary>The right to write, while <see cref="Write{T}"/> runs.</summary>
    public readonly struct Writer(ObjectStore store)
    {
        public StoredObject? Get(ResourceDefinition resource, ObjectName name) =>
            store.ShelfOf(resource).Objects.GetValueOrDefault(name);

        public IEnumerable<StoredObject> All(ResourceDefinition resource) => store.ShelfOf(resource).Objects.Values;

        /// <summary>Creates or replaces; the object gets its new resourceVersion.</summary>
        public StoredObject Put(ResourceDefinition resource, JsonObject json)
        {
            var shelf = store.ShelfOf(resource);
            var stored = resource.ToStored(json, ++store._revision);
            var before = shelf.Objects.GetValueOrDefault(stored.Name);
            shelf.Objects = shelf.Objects.SetItem(stored.Name, stored);
            shelf.History.Append(new(before is null ? WatchEventType.Added : WatchEventType.Modified, stored, before));
            return stored;
        }

        /// <returns>The object as it was last, with the revision of its deletion.</returns>
        public StoredObject Remove(ResourceDefinition resource, StoredObject before)
        {
            var shelf = store.ShelfOf(resource);
            var last = resource.ToStored(ObjectJson.Parse(before.Json), ++store._revision);
            shelf.Objects = shelf.Objects.Remove(before.Name);
            shelf.History.Append(new(WatchEventType.Deleted, last, before));
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

    /// <summary>Adds what has happened since the last call.</summary>
    /// <param name="more">Completes when there is more.</param>
    /// <returns>False where this watch fell so far behind that events are lost to it.</returns>
    public bool TryRead(List<WatchEvent> into, out Task more) => _history.TryRead(ref _position, into, out more);
}
