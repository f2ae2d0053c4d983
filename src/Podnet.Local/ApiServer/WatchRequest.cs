using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Podnet.Local.ApiServer;

/// <summary>GET with watch=true: an endless answer of one JSON object a line, {"type", "object"}.</summary>
internal sealed class WatchRequest
{
    /// <summary>Kubernetes' too; clients count on "about a minute".</summary>
    private static readonly TimeSpan BookmarkInterval = TimeSpan.FromMinutes(1);

    /// <summary>Where the client doesn't say: somewhere from 30 to 60 minutes, so that not all come back at once.</summary>
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(30);

    private readonly HttpContext _http;
    private readonly ResourceDefinition _resource;
    private readonly ObjectFilter _filter;
    private readonly ObjectStore _store;
    private readonly TimeProvider _time;
    private readonly ObjectViews _views;
    private readonly bool _bookmarks;

    private WatchRequest(HttpContext http, ResourceDefinition resource, ObjectFilter filter, ObjectStore store, TimeProvider time)
    {
        (_http, _resource, _filter, _store, _time) = (http, resource, filter, store, time);
        _views = new(resource, http.Request.RequestedForm(), http.Request.Query["includeObject"].ToString(), time);
        _bookmarks = http.Request.Query.Flag("allowWatchBookmarks");
    }

    private PipeWriter Output => _http.Response.BodyWriter;

    public static StatusException InvalidOptions(string field, string why) => new(422, "Invalid",
        $"ListOptions.meta.k8s.io \"\" is invalid: {field}: Forbidden: {why}",
        new JsonObject
        {
            ["group"] = "meta.k8s.io",
            ["kind"] = "ListOptions",
            ["causes"] = new JsonArray(new JsonObject { ["reason"] = "FieldValueForbidden", ["message"] = $"Forbidden: {why}", ["field"] = field }),
        });

    /// <param name="stopping">The server is.</param>
    public static async Task AnswerAsync(
        HttpContext http, ResourceRequest request, ObjectStore store, TimeProvider time, CancellationToken stopping)
    {
        var query = http.Request.Query;
        var filter = ListRequest.Filter(query, request);
        if (request.Name is { } name)
            filter = filter with { Fields = FieldSelector.Parse($"metadata.name={name}", request.Resource) };
        CheckOptions(query);
        var timeout = query.Number("timeoutSeconds") is { } seconds and > 0
            ? TimeSpan.FromSeconds(Math.Min(seconds, 24 * 3600))
            : DefaultTimeout * (1 + Random.Shared.NextDouble());
        using var end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, stopping);
        using var timer = time.CreateTimer(static source => ((CancellationTokenSource)source!).Cancel(), end, timeout, Timeout.InfiniteTimeSpan);
        await new WatchRequest(http, request.Resource, filter, store, time).RunAsync(query, end.Token);
    }

    private static void CheckOptions(IQueryCollection query)
    {
        var match = query["resourceVersionMatch"].ToString();
        if (!query.ContainsKey("sendInitialEvents"))
        {
            if (match.Length > 0)
                throw InvalidOptions("resourceVersionMatch", "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
            return;
        }
        if (match != "NotOlderThan")
            throw InvalidOptions("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
        if (query.Flag("sendInitialEvents") && !query.Flag("allowWatchBookmarks"))
            throw InvalidOptions("allowWatchBookmarks", "sendInitialEvents requires setting allowWatchBookmarks to true");
    }

    private async Task RunAsync(IQueryCollection query, CancellationToken end)
    {
        _http.Response.StatusCode = 200;
        _http.Response.ContentType = "application/json";
        _http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        var wanted = query.Number("resourceVersion") ?? 0;
        var sendInitial = query.ContainsKey("sendInitialEvents") ? query.Flag("sendInitialEvents") : wanted == 0;
        var from = wanted;
        if (sendInitial || wanted == 0)
        {
            var snapshot = _store.Snapshot(_resource);
            if (wanted > snapshot.Revision)
                throw new StatusException(504, "Timeout", $"Too large resource version: {wanted}, current: {snapshot.Revision}");
            from = snapshot.Revision;
            await _http.Response.StartAsync(_http.RequestAborted);
            if (sendInitial)
                await SendAllAsync(snapshot);
            if (query.Flag("sendInitialEvents"))
                await SendAsync("BOOKMARK", _views.Bookmark(from, initialEventsEnd: true));
        }
        // The client learns that the watch stands before anything happens.
        await _http.Response.StartAsync(_http.RequestAborted);
        await Output.FlushAsync(_http.RequestAborted);
        try
        {
            await FollowAsync(from, end);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested && !_http.RequestAborted.IsCancellationRequested)
        {
            if (_bookmarks)
            {
                await SendAsync("BOOKMARK", _views.Bookmark(Math.Max(from, _last), initialEventsEnd: false));
                await Output.FlushAsync(_http.RequestAborted);
            }
        }
    }

    /// <summary>Everything up to this revision has been sent.</summary>
    private long _last;

    private async Task FollowAsync(long from, CancellationToken end)
    {
        if (_store.Watch(_resource, from) is not { } watch)
        {
            await SendExpiredAsync(from);
            return;
        }
        var (events, nextBookmark) = (new List<WatchEvent>(), _time.GetUtcNow() + BookmarkInterval);
        while (true)
        {
            // Read before the events: what happens in between is then not claimed as sent.
            var revision = _store.Revision;
            if (!watch.TryRead(events, out var more))
            {
                await SendExpiredAsync(_last);
                return;
            }
            var sent = false;
            foreach (var change in events)
                sent |= await SendAsync(change);
            // Where there is more, only what was read has been sent.
            var newest = events.Count > 0 ? events[^1].Revision : 0;
            _last = newest > 0 && more.IsCompleted ? newest : Math.Max(revision, newest);
            events.Clear();
            if (_bookmarks && _time.GetUtcNow() >= nextBookmark)
            {
                await SendAsync("BOOKMARK", _views.Bookmark(_last, initialEventsEnd: false));
                nextBookmark = _time.GetUtcNow() + BookmarkInterval;
                sent = true;
            }
            if (sent)
                await Output.FlushAsync(end);
            await WaitAsync(more, nextBookmark, end);
            end.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Until there is more to send, or a bookmark is due.</summary>
    private async Task WaitAsync(Task more, DateTimeOffset nextBookmark, CancellationToken end)
    {
        if (!_bookmarks || more.IsCompleted)
        {
            await more.WaitAsync(end);
            return;
        }
        var wait = nextBookmark - _time.GetUtcNow();
        if (wait <= TimeSpan.Zero)
            return;
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(end);
        await Task.WhenAny(more, Task.Delay(wait, _time, waiting.Token));
        await waiting.CancelAsync();
    }

    private async Task SendAllAsync(StoreSnapshot snapshot)
    {
        foreach (var stored in snapshot.Objects.Values)
        {
            if (!_filter.Matches(stored))
                continue;
            await SendAsync("ADDED", _views.One(stored));
        }
    }

    /// <summary>A change as this watch's selectors see it: what begins to match is added, what ceases to is deleted.</summary>
    private async ValueTask<bool> SendAsync(WatchEvent change)
    {
        var before = change.Before is { } old && _filter.Matches(old);
        var now = change.Type != WatchEventType.Deleted && _filter.Matches(change.Object);
        if (!before && !now)
            return false;
        if (before && !now && change.Type == WatchEventType.Modified)
        {
            var last = _resource.ToStored(ObjectJson.Parse(change.Before!.Json), change.Revision);
            await SendAsync("DELETED", _views.One(last));
            return true;
        }
        await SendAsync(!before ? "ADDED" : now ? "MODIFIED" : "DELETED", _views.One(change.Object));
        return true;
    }

    private async Task SendExpiredAsync(long from)
    {
        var status = StatusException.Expired($"too old resource version: {from} ({_store.Revision})").ToStatus();
        await SendAsync("ERROR", ObjectJson.ToUtf8(status));
        await Output.FlushAsync(_http.RequestAborted);
    }

    /// <summary>Not ended in the middle by the end of the watch: a line is whole.</summary>
    private async ValueTask SendAsync(string type, ReadOnlyMemory<byte> json)
    {
        Output.Write("{\"type\":\""u8);
        Output.Write(System.Text.Encoding.ASCII.GetBytes(type));
        Output.Write("\",\"object\":"u8);
        await Output.WriteInPartsAsync(json, _http.RequestAborted);
        Output.Write("}\n"u8);
    }
}
