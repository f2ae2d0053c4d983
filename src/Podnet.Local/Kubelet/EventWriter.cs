using System.Globalization;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Kubernetes;

namespace Podnet.Local.Kubelet;

/// <summary>
/// Posts the Events of one node's pods, in order; what happens again is counted up in its first Event. They are news, not
/// state: one that cannot be posted is lost.
/// </summary>
internal sealed class EventWriter(ApiClient client, string node, ILogger logger)
{
    private const string Component = "kubelet";

    /// <summary>So many Events are remembered to be counted up. Arbitrary.</summary>
    private const int Remembered = 500;

    /// <summary>Arbitrary: while the API server is away, the oldest are dropped.</summary>
    private readonly Channel<Corev1Event> _queue = Channel.CreateBounded<Corev1Event>(
        new BoundedChannelOptions(1000) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    private readonly Dictionary<string, Corev1Event> _posted = [];
    private readonly Queue<string> _oldest = [];

    private long _serial = DateTime.UtcNow.Ticks;

    /// <param name="container">Null for the pod as a whole.</param>
    public void Post(V1Pod pod, bool warning, string reason, string message, string? container)
    {
        var now = DateTime.UtcNow;
        var serial = Interlocked.Increment(ref _serial).ToString("x", CultureInfo.InvariantCulture);
        var list = pod.Spec.InitContainers?.Any(c => c.Name == container) == true ? "initContainers" : "containers";
        _queue.Writer.TryWrite(new Corev1Event
        {
            Metadata = new V1ObjectMeta { NamespaceProperty = pod.Metadata.NamespaceProperty, Name = $"{pod.Metadata.Name}.{serial}" },
            InvolvedObject = new V1ObjectReference
            {
                ApiVersion = "v1",
                Kind = "Pod",
                NamespaceProperty = pod.Metadata.NamespaceProperty,
                Name = pod.Metadata.Name,
                Uid = pod.Metadata.Uid,
                ResourceVersion = pod.Metadata.ResourceVersion,
                FieldPath = container is null ? null : $"spec.{list}{{{container}}}",
            },
            Type = warning ? "Warning" : "Normal",
            Reason = reason,
            Message = message,
            Source = new V1EventSource { Component = Component, Host = node },
            ReportingComponent = Component,
            ReportingInstance = node,
            FirstTimestamp = now,
            LastTimestamp = now,
            Count = 1,
        });
    }

    public async Task RunAsync(CancellationToken ct)
    {
        await foreach (var news in _queue.Reader.ReadAllAsync(ct))
        {
            try
            {
                if (!await CountUpAsync(news, ct))
                    await CreateAsync(news, ct);
            }
            catch (ApiException e)
            {
                logger.NotTold($"event {news.Reason} of pod {news.InvolvedObject.Name}", e.Message);
            }
        }
    }

    private static string KeyOf(Corev1Event news) =>
        string.Join('\0', news.InvolvedObject.Uid, news.InvolvedObject.FieldPath, news.Reason, news.Message);

    private async Task CreateAsync(Corev1Event news, CancellationToken ct)
    {
        await client.CreateAsync(Resources.Events, news, ct);
        var key = KeyOf(news);
        if (!_posted.ContainsKey(key))
            _oldest.Enqueue(key);
        _posted[key] = news;
        if (_oldest.Count > Remembered)
            _posted.Remove(_oldest.Dequeue());
    }

    /// <summary>False if it has not happened before, or nobody has the Event any more.</summary>
    private async Task<bool> CountUpAsync(Corev1Event news, CancellationToken ct)
    {
        if (!_posted.TryGetValue(KeyOf(news), out var first))
            return false;
        var count = first.Count + 1;
        var patch = new JsonObject { ["count"] = count, ["lastTimestamp"] = news.LastTimestamp!.Value.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) };
        try
        {
            await client.PatchAsync(Resources.Events, first.Metadata.NamespaceProperty, first.Metadata.Name, patch, null, ct);
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            return false;
        }

        first.Count = count;
        return true;
    }
}
