using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Podnet.Local.ApiServer;

/// <summary>GET pods/NAME/log (kubernetes pkg/registry/core/pod/strategy.go LogLocation, pkg/kubelet validateContainerLogStatus).</summary>
internal static class PodLogRequest
{
    public static async Task AnswerAsync(HttpContext http, JsonObject pod, IPodAccess? access, TimeProvider time)
    {
        var query = http.Request.Query;
        var options = Options(query, time);
        var name = PodTarget.Choose(pod, query["container"].ToString());
        http.Response.ContentType = "text/plain";
        if (PodTarget.Of(pod, name) is not { } target)
            return; // no node has it yet: an empty log
        var run = Run(pod, name, query.Flag("previous"));
        if (access is null)
            throw PodTarget.NoNode(target.Node);
        await access.CopyLogAsync(target, run, options, http.Response.Body, http.RequestAborted);
    }

    /// <summary>Seconds: 100 years, which is everything. Arbitrary.</summary>
    private const long LongestSince = 100L * 365 * 24 * 3600;

    private static LogOptions Options(IQueryCollection query, TimeProvider time)
    {
        DateTimeOffset? since = query.Number("sinceSeconds") is { } seconds ? time.GetUtcNow().AddSeconds(-Math.Min(seconds, LongestSince)) : null;
        if (query["sinceTime"].ToString() is { Length: > 0 } text)
        {
            if (since is not null)
                throw StatusException.BadRequest("at most one of `sinceTime` or `sinceSeconds` may be specified");
            since = DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var parsed)
                ? parsed
                : throw StatusException.BadRequest($"sinceTime: Invalid value: \"{text}\": must be a time of RFC 3339");
        }

        return new LogOptions(query.Flag("follow"), query.Number("tailLines"), since, query.Flag("timestamps"), query.Number("limitBytes"));
    }

    private static int Run(JsonObject pod, string container, bool previous)
    {
        var status = PodTarget.StatusOf(pod, container);
        var runs = (int)(status.Number("restartCount") ?? 0);
        var (state, last) = (status?["state"] as JsonObject, status?["lastState"]?["terminated"]);
        var waits = status is null || state is not { } known || (!known.ContainsKey("running") && !known.ContainsKey("terminated"));
        if (previous && last is null)
            throw StatusException.BadRequest($"previous terminated container \"{container}\" in pod \"{pod.Text("metadata", "name")}\" not found");
        if (waits && last is null)
        {
            var why = state.Text("waiting", "reason") switch
            {
                "ErrImagePull" => "image can't be pulled",
                "ImagePullBackOff" => "trying and failing to pull image",
                var reason => reason ?? "ContainerCreating",
            };
            throw StatusException.BadRequest($"container \"{container}\" in pod \"{pod.Text("metadata", "name")}\" is waiting to start: {why}");
        }

        // While it waits for its next start, the last run is both the newest and the previous one.
        return previous && !waits ? runs - 1 : runs;
    }
}
