using System.Collections.Immutable;
using Podnet.Core.Model;

namespace Podnet.Local.ApiServer;

/// <summary>Writes that go to the disk together, in their order.</summary>
internal sealed class StoreBatch
{
    private readonly TaskCompletionSource _saved = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Dictionary<string, (ResourceDefinition Resource, ImmutableSortedDictionary<ObjectName, StoredObject> Objects)> _objects = [];

    public List<(ResourceDefinition Resource, WatchEvent Change)> Changes { get; } = [];

    /// <summary>Of the last of them.</summary>
    public long Revision { get; private set; }

    /// <summary>The objects of each resource that is in it, as they are after it.</summary>
    public IEnumerable<(ResourceDefinition Resource, ImmutableSortedDictionary<ObjectName, StoredObject> Objects)> Objects => _objects.Values;

    /// <summary>Nothing is to wait for where nothing is in it.</summary>
    public Task Saved => Changes.Count == 0 ? Task.CompletedTask : _saved.Task;

    /// <summary>Nothing more comes into it.</summary>
    public void Close(long revision, Func<ResourceDefinition, ImmutableSortedDictionary<ObjectName, StoredObject>> objects)
    {
        Revision = revision;
        foreach (var (resource, _) in Changes)
            _objects.TryAdd(resource.Key, (resource, objects(resource)));
    }

    public void Succeed() => _saved.TrySetResult();

    public void Fail(Exception why)
    {
        _saved.TrySetException(why);
        // Where nobody waits for it, as with what a server writes for itself, it is no unobserved failure.
        _ = _saved.Task.Exception;
    }
}
