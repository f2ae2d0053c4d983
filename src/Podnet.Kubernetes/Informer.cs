using System.Collections.Concurrent;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Core.Model;

namespace Podnet.Kubernetes;

/// <summary>
/// All objects of a kind, kept up to date: a list, then a watch from where the list was. It survives everything that a server
/// can do: while there is none, the cache stays as it is.
/// </summary>
/// <remarks>
/// The state of the cache depends on the server's alone: an object that cannot be read is not in it, whatever it was before.
/// Metadata.ManagedFields of its objects are taken off.
/// </remarks>
public sealed class Informer<T>(
    ApiClient client, Resource<T> resource, ILogger logger, ListSelectors? selectors = null, TimeProvider? timeProvider = null)
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary>For how long a watch is asked for: a random time from here to twice this, as client-go does, so that not all end at once.</summary>
    internal static readonly TimeSpan ShortestWatch = TimeSpan.FromMinutes(5);

    /// <summary>The server ends a watch when its time is over; one that lives so much longer is stuck. Arbitrary.</summary>
    internal static readonly TimeSpan Overtime = TimeSpan.FromSeconds(30);

    /// <summary>A watch that has lived so long began well: what ends it is a first failure. Arbitrary.</summary>
    private static readonly TimeSpan Steady = TimeSpan.FromSeconds(10);

    private readonly TimeProvider _time = timeProvider ?? TimeProvider.System;
    private readonly ConcurrentDictionary<ObjectName, T> _cache = new();
    private readonly Dictionary<string, string> _broken = [];
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly BackOff _backOff = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(30));

    /// <summary>Where the next watch begins; null means that a list comes first.</summary>
    private string? _version;

    /// <summary>
    /// Each change, in order, from the one loop of <see cref="RunAsync"/>: (null, new), (old, new) or (old, null). The cache has
    /// it already. An exception from here ends the loop.
    /// </summary>
    public Action<T?, T?>? Changed { get; set; }

    /// <summary>Done when the first list is in the cache and each of its objects has been told to <see cref="Changed"/>.</summary>
    public Task Synced => _synced.Task;

    /// <summary>A copy of what is there at this moment.</summary>
    public IReadOnlyCollection<T> Items => _cache.Select(entry => entry.Value).ToArray();

    /// <param name="namespace">Null for a kind that has none.</param>
    public T? Get(string? @namespace, string name) => _cache.GetValueOrDefault(new ObjectName(@namespace ?? "", name));

    /// <summary>Lists and watches until cancelled.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        try
        {
            while (true)
            {
                ct.ThrowIfCancellationRequested();
                if (_version is null)
                    await TryListAsync(ct);
                else
                    await TryWatchAsync(_version, ct);
            }
        }
        finally
        {
            _synced.TrySetCanceled(CancellationToken.None);
        }
    }

    private async Task TryListAsync(CancellationToken ct)
    {
        try
        {
            _version = await ListAsync(ct);
            _synced.TrySetResult();
        }
        catch (ApiException e)
        {
            var delay = _backOff.Next();
            logger.ListFailed(resource.Plural, delay, e.Message);
            await Task.Delay(delay, _time, ct);
        }
    }

    /// <summary>
    /// Page by page straight into the cache, so that there is never a second copy of everything; what no page had is gone. If it
    /// fails in the middle, the cache has each object as it was at some moment, and the next list puts the rest right.
    /// </summary>
    /// <returns>The resourceVersion that all pages are of.</returns>
    private async Task<string> ListAsync(CancellationToken ct)
    {
        HashSet<ObjectName> listed = [];
        HashSet<string> broken = [];
        string? version = null, next = null;
        do
        {
            var page = await client.ListPageAsync(resource, @namespace: null, selectors, next, ct);
            version ??= page.ResourceVersion;
            next = page.Continue;
            foreach (var item in page.Items)
            {
                listed.Add(NameOf(item));
                Put(item);
            }
            foreach (var item in page.Broken)
            {
                broken.Add(item.Name);
                LeaveOut(item);
            }
        }
        while (next is not null);
        foreach (var gone in _cache.Keys.Where(name => !listed.Contains(name)).ToArray())
            Remove(gone);
        foreach (var gone in _broken.Keys.Where(name => !broken.Contains(name)).ToArray())
            _broken.Remove(gone);
        logger.Listed(resource.Plural, listed.Count, version);
        return version;
    }

    private async Task TryWatchAsync(string version, CancellationToken ct)
    {
        var began = _time.GetTimestamp();
        var lifetime = ShortestWatch * (1 + Random.Shared.NextDouble());
        using var deadline = new CancellationTokenSource(lifetime + Overtime, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
        string? failure;
        try
        {
            var events = await WatchAsync(version, lifetime, either.Token);
            // An end after a while is what was asked for. One at once, with nothing said, must not become a busy loop.
            failure = events > 0 || _time.GetElapsedTime(began) >= TimeSpan.FromSeconds(1) ? null : "ended at once";
        }
        catch (ApiException e) when (e.IsExpired)
        {
            _version = null;
            failure = "the server no longer knows what came after it: listing again";
        }
        catch (ApiException e)
        {
            // Without an answer (0), or with one that says "later" (429), the place in the stream is still good. Anything else
            // (a server that has another history, say) is put right by a list.
            if (e.Code is not (0 or 429))
                _version = null;
            failure = e.Message;
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            failure = e.Message;
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            failure = $"stuck: not over {Overtime.TotalSeconds} s after its time";
        }
        if (failure is not null)
        {
            if (_time.GetElapsedTime(began) >= Steady)
                _backOff.Reset();
            var delay = _backOff.Next();
            logger.WatchFailed(resource.Plural, delay, failure);
            await Task.Delay(delay, _time, ct);
        }
    }

    /// <returns>How many events came.</returns>
    private async Task<int> WatchAsync(string version, TimeSpan lifetime, CancellationToken ct)
    {
        using var response = await client.WatchAsync(resource, selectors, version, lifetime, ct);
        await using var body = await response.Content.ReadAsStreamAsync(ct);
        await using var events = new WatchStream<T>(body, resource);
        var count = 0;
        while (await events.NextAsync(ct) is { } next)
        {
            if (count++ == 0)
                Recovered();
            Apply(next);
            _version = next.ResourceVersion ?? _version;
        }
        return count;
    }

    private void Recovered()
    {
        if (_backOff.Failures > 0)
            logger.WatchRecovered(resource.Plural);
        _backOff.Reset();
    }

    private void Apply(WatchEvent<T> next)
    {
        switch (next)
        {
            case { Type: WatchEventType.Deleted, Value: { } value }:
                Remove(NameOf(value));
                break;
            case { Value: { } value }:
                Put(value);
                break;
            case { Type: WatchEventType.Deleted, Broken: { } gone }:
                _broken.Remove(gone.Name);
                Remove(Split(gone.Name));
                break;
            case { Broken: { } broken }:
                LeaveOut(broken);
                break;
        }
    }

    private void Put(T now)
    {
        var name = NameOf(now);
        _broken.Remove(name.Namespace.Length == 0 ? name.Name : name.ToString());
        var before = _cache.GetValueOrDefault(name);
        if (before is not null && before.Metadata.ResourceVersion == now.Metadata.ResourceVersion)
            return;
        if (before is not null && before.Metadata.Uid != now.Metadata.Uid)
        {
            // Deleted and made anew while nobody looked: two changes, of two objects.
            Remove(name);
            before = null;
        }
        _cache[name] = now;
        Changed?.Invoke(before, now);
    }

    private void Remove(ObjectName name)
    {
        if (_cache.TryRemove(name, out var before))
            Changed?.Invoke(before, null);
    }

    private void LeaveOut(BrokenObject broken)
    {
        if (_broken.GetValueOrDefault(broken.Name) != broken.Reason)
        {
            _broken[broken.Name] = broken.Reason;
            logger.ObjectBroken(resource.Kind, broken.Name, broken.Reason);
        }
        Remove(Split(broken.Name));
    }

    private static ObjectName NameOf(T value) => new(value.Metadata.NamespaceProperty ?? "", value.Metadata.Name);

    private static ObjectName Split(string name)
    {
        var slash = name.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? new("", name) : new(name[..slash], name[(slash + 1)..]);
    }
}
