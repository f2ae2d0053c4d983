using System.Collections.Concurrent;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Core.Model;

namespace Podnet.Kubernetes;

/// <summary>
/// All objects of a kind, kept up to date as they are. For who needs whole objects; a node's network needs little of them, and has
/// <see cref="ClusterStateBuilder"/>.
/// </summary>
public sealed class Informer<T> : IObjectSink<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private readonly ConcurrentDictionary<ObjectName, T> _cache = new();
    private readonly Dictionary<ObjectName, string> _broken = [];
    private readonly HashSet<ObjectName> _listed = []; // Since the last list began.
    private readonly ListWatch<T> _source;
    private readonly Resource<T> _resource;
    private readonly ILogger _logger;

    public Informer(
        ApiClient client, Resource<T> resource, ILogger logger, ListSelectors? selectors = null, TimeProvider? timeProvider = null)
    {
        (_resource, _logger) = (resource, logger);
        _source = new ListWatch<T>(client, resource, this, logger, selectors, timeProvider);
    }

    /// <summary>
    /// Each change, in order, from the one loop of <see cref="RunAsync"/>: (null, new), (old, new) or (old, null). The cache has
    /// it already. An exception from here ends the loop.
    /// </summary>
    public Action<T?, T?>? Changed { get; set; }

    /// <summary>Done when the first list is in the cache and each of its objects has been told to <see cref="Changed"/>.</summary>
    public Task Synced => _source.Synced;

    /// <summary>A copy of what is there at this moment.</summary>
    public IReadOnlyCollection<T> Items => _cache.Select(entry => entry.Value).ToArray();

    /// <param name="namespace">Null for a kind that has none.</param>
    public T? Get(string? @namespace, string name) => _cache.GetValueOrDefault(new ObjectName(@namespace ?? "", name));

    /// <inheritdoc cref="ListWatch{T}.RunAsync"/>
    public Task RunAsync(CancellationToken ct) => _source.RunAsync(ct);

    void IObjectSink<T>.BeginList() => _listed.Clear();

    void IObjectSink<T>.Put(T value)
    {
        var name = new ObjectName(value.Metadata.NamespaceProperty ?? "", value.Metadata.Name);
        _listed.Add(name);
        _broken.Remove(name);
        var before = _cache.GetValueOrDefault(name);
        if (before is not null && before.Metadata.ResourceVersion == value.Metadata.ResourceVersion)
            return;
        if (before is not null && before.Metadata.Uid != value.Metadata.Uid)
        {
            // Deleted and made anew while nobody looked: two changes, of two objects.
            Remove(name);
            before = null;
        }
        _cache[name] = value;
        Changed?.Invoke(before, value);
    }

    void IObjectSink<T>.Remove(ObjectName name)
    {
        _broken.Remove(name);
        Remove(name);
    }

    void IObjectSink<T>.LeaveOut(BrokenObject broken)
    {
        _listed.Add(broken.Name);
        if (_broken.GetValueOrDefault(broken.Name) != broken.Reason)
        {
            _broken[broken.Name] = broken.Reason;
            _logger.ObjectBroken(_resource.Kind, broken.Name, broken.Reason);
        }
        Remove(broken.Name);
    }

    void IObjectSink<T>.EndList()
    {
        foreach (var gone in _cache.Keys.Where(name => !_listed.Contains(name)).ToArray())
            Remove(gone);
        foreach (var gone in _broken.Keys.Where(name => !_listed.Contains(name)).ToArray())
            _broken.Remove(gone);
        _listed.Clear();
    }

    private void Remove(ObjectName name)
    {
        if (_cache.TryRemove(name, out var before))
            Changed?.Invoke(before, null);
    }
}
