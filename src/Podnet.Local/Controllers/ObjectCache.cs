using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Core.Model;
using Podnet.Kubernetes;

namespace Podnet.Local.Controllers;

/// <summary>The objects of a kind whose type matters to nobody.</summary>
internal interface IObjectCache
{
    Resource Resource { get; }

    /// <summary>Each change, in order: (null, new), (old, new) or (old, null).</summary>
    Action<V1ObjectMeta?, V1ObjectMeta?>? MetaChanged { get; set; }

    Task Synced { get; }

    Task RunAsync(CancellationToken ct);

    V1ObjectMeta? MetaOf(ObjectName name);

    /// <summary>As the API server has it now; null if there is none.</summary>
    Task<V1ObjectMeta?> ReadMetaAsync(ObjectName name, CancellationToken ct);

    Task DeleteAsync(V1ObjectMeta meta, CancellationToken ct);

    /// <summary>Takes a finalizer off an object that is being deleted.</summary>
    Task ReleaseAsync(ObjectName name, string finalizer, CancellationToken ct);

    Task SetOwnersAsync(ObjectName name, Func<V1OwnerReference, bool> keep, CancellationToken ct);
}

/// <summary>
/// All objects of a kind, shared by all controllers. A write through it returns when the cache has it too, so a controller
/// that decides again does not decide from what was before.
/// </summary>
internal sealed class ObjectCache<T> : IObjectCache
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary>A watch that lags more is broken; the next decision is then made from what there is. Arbitrary.</summary>
    private static readonly TimeSpan LongestLag = TimeSpan.FromSeconds(5);

    private readonly ApiClient _client;
    private readonly Resource<T> _resource;
    private readonly Informer<T> _informer;
    private readonly ILogger _logger;
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<string, T>> _byNamespace = new();
    private readonly Lock _lock = new();
    private readonly List<Sighting> _sightings = [];

    public ObjectCache(ApiClient client, Resource<T> resource, ILogger logger)
    {
        (_client, _resource, _logger) = (client, resource, logger);
        _informer = new Informer<T>(client, resource, logger) { Changed = OnChanged };
    }

    /// <inheritdoc cref="Informer{T}.Changed"/>
    public Action<T?, T?>? Changed { get; set; }

    public Action<V1ObjectMeta?, V1ObjectMeta?>? MetaChanged { get; set; }

    public Resource Resource => _resource;

    public Task Synced => _informer.Synced;

    public IReadOnlyCollection<T> Items => _informer.Items;

    public Task RunAsync(CancellationToken ct) => _informer.RunAsync(ct);

    public IReadOnlyCollection<T> InNamespace(string @namespace) =>
        _byNamespace.TryGetValue(@namespace, out var objects) ? [.. objects.Select(o => o.Value)] : [];

    public T? Get(string? @namespace, string name) => _informer.Get(@namespace, name);

    public V1ObjectMeta? MetaOf(ObjectName name) => Get(name.Namespace, name.Name)?.Metadata;

    public async Task<V1ObjectMeta?> ReadMetaAsync(ObjectName name, CancellationToken ct) =>
        (await _client.GetAsync(_resource, NullIfEmpty(name.Namespace), name.Name, ct))?.Metadata;

    public async Task CreateAsync(T value, CancellationToken ct)
    {
        using var seen = Expect(value.Metadata, now => now is not null);
        await _client.CreateAsync(_resource, value, ct);
        await seen.WaitAsync(ct);
    }

    public async Task UpdateAsync(T value, CancellationToken ct) => await WaitForAsync(await _client.UpdateAsync(_resource, value, ct), ct);

    public async Task UpdateStatusAsync(T value, CancellationToken ct) =>
        await WaitForAsync(await _client.UpdateStatusAsync(_resource, value, ct), ct);

    public async Task PatchAsync(V1ObjectMeta meta, JsonNode patch, CancellationToken ct) =>
        await WaitForAsync(await _client.PatchAsync(_resource, NullIfEmpty(meta.NamespaceProperty), meta.Name, patch, null, ct), ct);

    public Task DeleteAsync(V1ObjectMeta meta, CancellationToken ct) => DeleteAsync(meta, gracePeriodSeconds: null, ct);

    /// <summary>This very object, not another that got its name meanwhile; that it is gone already is fine.</summary>
    public async Task DeleteAsync(V1ObjectMeta meta, int? gracePeriodSeconds, CancellationToken ct)
    {
        using var seen = Expect(meta, now => now?.Metadata.Uid != meta.Uid || now?.Metadata.DeletionTimestamp is not null);
        try
        {
            await _client.DeleteAsync(_resource, NullIfEmpty(meta.NamespaceProperty), meta.Name, gracePeriodSeconds, ct, meta.Uid);
        }
        catch (ApiException e) when (e.IsNotFound || e.IsConflict)
        {
            return;
        }
        await seen.WaitAsync(ct);
    }

    public async Task ReleaseAsync(ObjectName name, string finalizer, CancellationToken ct)
    {
        if (Get(name.Namespace, name.Name) is not { } value || value.Metadata.Finalizers?.Contains(finalizer) != true) return;
        var changed = value.Clone();
        changed.Metadata.Finalizers = [.. changed.Metadata.Finalizers.Where(f => f != finalizer)];
        await _client.UpdateAsync(_resource, changed, ct);
    }

    public async Task SetOwnersAsync(ObjectName name, Func<V1OwnerReference, bool> keep, CancellationToken ct)
    {
        if (Get(name.Namespace, name.Name) is not { } value) return;
        var changed = value.Clone();
        changed.Metadata.OwnerReferences = [.. changed.Metadata.OwnerReferences.Where(keep)];
        await UpdateAsync(changed, ct);
    }

    private static string? NullIfEmpty(string? @namespace) => string.IsNullOrEmpty(@namespace) ? null : @namespace;

    private void OnChanged(T? before, T? now)
    {
        var meta = (now ?? before)!.Metadata;
        var objects = _byNamespace.GetOrAdd(meta.NamespaceProperty ?? "", _ => new ConcurrentDictionary<string, T>());
        if (now is null) objects.TryRemove(meta.Name, out _);
        else objects[meta.Name] = now;
        lock (_lock)
        {
            foreach (var sighting in _sightings) sighting.Look(meta, now);
        }
        Changed?.Invoke(before, now);
        MetaChanged?.Invoke(before?.Metadata, now?.Metadata);
    }

    private async Task WaitForAsync(T written, CancellationToken ct)
    {
        using var seen = Expect(written.Metadata, now => now is null || VersionOf(now) >= VersionOf(written));
        seen.Look(written.Metadata, Get(written.Metadata.NamespaceProperty, written.Metadata.Name));
        await seen.WaitAsync(ct);
    }

    /// <summary>Comparable since Kubernetes 1.35: "resource versions are … monotonically increasing integers" (KEP-5504).</summary>
    private static ulong VersionOf(T value) => ulong.Parse(value.Metadata.ResourceVersion, CultureInfo.InvariantCulture);

    private Sighting Expect(V1ObjectMeta meta, Func<T?, bool> holds)
    {
        var sighting = new Sighting(this, meta, holds);
        lock (_lock) _sightings.Add(sighting);
        return sighting;
    }

    /// <summary>The cache will show a certain change of one object.</summary>
    private sealed class Sighting(ObjectCache<T> cache, V1ObjectMeta of, Func<T?, bool> holds) : IDisposable
    {
        private readonly TaskCompletionSource _seen = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Look(V1ObjectMeta meta, T? now)
        {
            if (meta.Name == of.Name && meta.NamespaceProperty == of.NamespaceProperty && holds(now)) _seen.TrySetResult();
        }

        public async Task WaitAsync(CancellationToken ct)
        {
            try
            {
                await _seen.Task.WaitAsync(LongestLag, ct);
            }
            catch (TimeoutException)
            {
                cache._logger.CacheIsLate(cache._resource.Kind, of.Name, LongestLag);
            }
        }

        public void Dispose()
        {
            lock (cache._lock) cache._sightings.Remove(this);
        }
    }
}
