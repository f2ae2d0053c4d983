using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Core.Model;

namespace Podnet.Kubernetes;

/// <summary>
/// Follows all objects of a kind: a list, then a watch from where the list was. It survives everything that a server can do: while
/// there is none, nothing is said to be gone.
/// </summary>
/// <remarks>What the sink has depends on the server's objects alone. Metadata.ManagedFields of the objects are taken off.</remarks>
public sealed class ListWatch<T>(
    ApiClient client, Resource<T> resource, IObjectSink<T> sink, ILogger logger, ListSelectors? selectors = null, TimeProvider? timeProvider = null)
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary>For how long a watch is asked for: a random time from here to twice this, as client-go does, so that not all end at once.</summary>
    internal static readonly TimeSpan ShortestWatch = TimeSpan.FromMinutes(5);

    /// <summary>The server ends a watch when its time is over; one that lives so much longer is stuck. Arbitrary.</summary>
    internal static readonly TimeSpan Overtime = TimeSpan.FromSeconds(30);

    /// <summary>Until a server that does not serve an optional kind is asked for it again. Arbitrary; it takes an upgrade to change that.</summary>
    internal static readonly TimeSpan AbsentPeriod = TimeSpan.FromMinutes(10);

    /// <summary>A watch that has lived so long began well: what ends it is a first failure. Arbitrary.</summary>
    private static readonly TimeSpan Steady = TimeSpan.FromSeconds(10);

    private readonly TimeProvider _time = timeProvider ?? TimeProvider.System;
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly BackOff _backOff = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(30));

    /// <summary>Where the next watch begins; null means that a list comes first.</summary>
    private string? _version;

    private Resource<T>? _elsewhere;
    private bool _saidAbsent;

    /// <summary>
    /// Not null for a kind that not every server has: where else to look for it. A server that serves none of them, or does not let us
    /// look, has no objects, without much ado, until it serves it.
    /// </summary>
    public Resource<T>? Older { get; init; }

    /// <summary>Done when the sink has had a whole list.</summary>
    public Task Synced => _synced.Task;

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
            _saidAbsent = false;
            _synced.TrySetResult();
        }
        catch (ApiException e) when (Older is not null && e.Code is 403 or 404)
        {
            await LookElsewhereAsync(Older!, e.Message, ct);
        }
        catch (ApiException e)
        {
            var delay = _backOff.Next();
            logger.ListFailed(resource.Plural, delay, e.Message);
            await Task.Delay(delay, _time, ct);
        }
    }

    private async Task LookElsewhereAsync(Resource<T> older, string reason, CancellationToken ct)
    {
        if (_elsewhere is null)
        {
            _elsewhere = older;
            return;
        }
        _elsewhere = null;
        if (!_saidAbsent)
            logger.KindAbsent(resource.Plural, reason);
        _saidAbsent = true;
        _synced.TrySetResult();
        await Task.Delay(AbsentPeriod, _time, ct);
    }

    /// <summary>
    /// Page by page straight into the sink, so that there is never a second copy of everything. If it fails in the middle, the sink
    /// has each object as it was at some moment, and the next list puts the rest right.
    /// </summary>
    /// <returns>The resourceVersion that all pages are of.</returns>
    private async Task<string> ListAsync(CancellationToken ct)
    {
        var count = 0;
        string? version = null, next = null;
        sink.BeginList();
        do
        {
            var page = await client.ListPageAsync(_elsewhere ?? resource, @namespace: null, selectors, next, Found, sink.LeaveOut, ct);
            version ??= page.ResourceVersion;
            next = page.Continue;
        }
        while (next is not null);
        sink.EndList();
        logger.Listed(resource.Plural, count, version);
        return version;

        void Found(T value)
        {
            count++;
            sink.Put(value);
        }
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
        using var response = await client.WatchAsync(_elsewhere ?? resource, selectors, version, lifetime, ct);
        await using var body = await response.Content.ReadAsStreamAsync(ct);
        await using var events = new WatchStream<T>(body, _elsewhere ?? resource);
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
                sink.Remove(NameOf(value));
                break;
            case { Value: { } value }:
                sink.Put(value);
                break;
            case { Type: WatchEventType.Deleted, Broken: { } gone }:
                sink.Remove(gone.Name);
                break;
            case { Broken: { } broken }:
                sink.LeaveOut(broken);
                break;
        }
    }

    private static ObjectName NameOf(T value) => new(value.Metadata.NamespaceProperty ?? "", value.Metadata.Name);
}
