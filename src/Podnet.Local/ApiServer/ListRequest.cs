using System.Text;
using Microsoft.AspNetCore.Http;
using Podnet.Core.Model;

namespace Podnet.Local.ApiServer;

/// <summary>GET of a collection, whole or in pages.</summary>
internal static class ListRequest
{
    public static async Task AnswerAsync(HttpContext http, ResourceRequest request, ObjectStore store, TimeProvider time)
    {
        var query = http.Request.Query;
        if (query.ContainsKey("sendInitialEvents"))
            throw WatchRequest.InvalidOptions("sendInitialEvents", "sendInitialEvents is forbidden for list");
        var (resource, filter) = (request.Resource, Filter(query, request));
        var limit = query.Number("limit") ?? 0;
        var (snapshot, after) = Source(query, resource, store);
        var (items, remaining) = Page(snapshot, filter, after, limit);
        string? token = null;
        if (remaining > 0)
        {
            store.Pin(resource, snapshot);
            token = Token(snapshot.Revision, items[^1].Name);
        }
        var views = new ObjectViews(resource, http.Request.RequestedForm(), query["includeObject"].ToString(), time);
        var exact = remaining > 0 && filter.Labels == LabelSelector.Everything && filter.Fields == FieldSelector.Everything;
        await views.AnswerListAsync(http.Response, items, snapshot.Revision, token, exact ? remaining : null);
    }

    public static ObjectFilter Filter(IQueryCollection query, ResourceRequest request) => new(
        request.Namespace,
        LabelSelector.Parse(query["labelSelector"]),
        FieldSelector.Parse(query["fieldSelector"], request.Resource));

    private static (List<StoredObject> Items, long Remaining) Page(StoreSnapshot snapshot, ObjectFilter filter, ObjectName? after, long limit)
    {
        var (items, remaining) = (new List<StoredObject>(), 0L);
        foreach (var stored in snapshot.Objects.Values)
        {
            if ((after is { } last && stored.Name.CompareTo(last) <= 0) || !filter.Matches(stored))
                continue;
            if (limit > 0 && items.Count >= limit)
                remaining++;
            else
                items.Add(stored);
        }
        return (items, remaining);
    }

    private static (StoreSnapshot Snapshot, ObjectName? After) Source(IQueryCollection query, ResourceDefinition resource, ObjectStore store)
    {
        var token = query["continue"].ToString();
        if (token.Length > 0)
        {
            var (revision, after) = ParseToken(token);
            var pinned = store.Pinned(resource, revision) ?? throw StatusException.Expired(
                "The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.");
            return (pinned, after);
        }
        var snapshot = store.Snapshot(resource);
        var wanted = query.Number("resourceVersion") ?? 0;
        if (wanted > snapshot.Revision)
            throw new StatusException(504, "Timeout", $"Too large resource version: {wanted}, current: {snapshot.Revision}");
        if (query["resourceVersionMatch"].ToString() == "Exact" && wanted != snapshot.Revision)
            return (store.Pinned(resource, wanted) ?? throw StatusException.Expired($"The resourceVersion for the provided list is too old."), null);
        return (snapshot, null);
    }

    private static string Token(long revision, ObjectName last) =>
        Convert.ToBase64String(Encoding.UTF8.GetBytes($"{revision}/{last.Namespace}/{last.Name}"));

    private static (long Revision, ObjectName After) ParseToken(string token)
    {
        var bytes = new byte[token.Length];
        if (Convert.TryFromBase64String(token, bytes, out var length)
            && Encoding.UTF8.GetString(bytes, 0, length).Split('/') is [var number, var @namespace, var name]
            && long.TryParse(number, out var revision))
            return (revision, new(@namespace, name));
        throw StatusException.BadRequest("continue key is not valid: it is not one that this server gave out");
    }
}
