using System.Globalization;
using System.Threading.Channels;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Kubernetes;

namespace Podnet.Local.Kubelet;

/// <summary>Posts the Events of one node's pods, in order. They are news, not state: one that cannot be posted is lost.</summary>
internal sealed class EventWriter(ApiClient client, string node, ILogger logger)
{
    private const string Component = "kubelet";

    /// <summary>Arbitrary: while the API server is away, the oldest are dropped.</summary>
    private readonly Channel<Corev1Event> _queue = Channel.CreateBounded<Corev1Event>(
        new BoundedChannelOptions(1000) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    private long _serial = DateTime.UtcNow.Ticks;

    /// <param name="container">Null for the pod as a whole.</param>
    public void Post(V1Pod pod, bool warning, string reason, string message, string? container)
    {
        var now = DateTime.UtcNow;
        var serial = Interlocked.Increment(ref _serial).ToString("x", CultureInfo.InvariantCulture);
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
                FieldPath = container is null ? null : $"spec.containers{{{container}}}",
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
                await client.CreateAsync(Resources.Events, news, ct);
            }
            catch (ApiException e)
            {
                logger.NotTold($"event {news.Reason} of pod {news.InvolvedObject.Name}", e.Message);
            }
        }
    }
}
