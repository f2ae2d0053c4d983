using System.Text.Json.Nodes;
using System.Threading.Channels;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Kubernetes;

namespace Podnet.Local.Controllers;

/// <summary>
/// Events for people: what <c>kubectl describe</c> shows. Written beside the work, in order; nothing waits for them. What is
/// said again is counted in the Event that there is.
/// </summary>
internal sealed class EventRecorder(ApiClient client, TimeProvider time, ILogger logger)
{
    /// <summary>How often the same may be said of the same object. Arbitrary.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(30);

    /// <summary>Events that wait to be written; beyond it the oldest are lost. Arbitrary.</summary>
    private const int Waiting = 10_000;

    /// <summary>Events remembered for <see cref="Pause"/>; beyond it all are forgotten. Arbitrary.</summary>
    private const int Remembered = 10_000;

    private readonly Channel<Corev1Event> _waiting =
        Channel.CreateBounded<Corev1Event>(new BoundedChannelOptions(Waiting) { FullMode = BoundedChannelFullMode.DropOldest });

    private readonly Dictionary<string, DateTimeOffset> _said = [];

    public void Normal<T>(Resource<T> kind, T about, string reason, string message)
        where T : class, IKubernetesObject<V1ObjectMeta> => Record("Normal", kind, about, reason, message);

    public void Warning<T>(Resource<T> kind, T about, string reason, string message)
        where T : class, IKubernetesObject<V1ObjectMeta> => Record("Warning", kind, about, reason, message);

    public async Task RunAsync(CancellationToken ct)
    {
        await foreach (var said in _waiting.Reader.ReadAllAsync(ct))
        {
            if (_said.TryGetValue(said.Metadata.Name, out var last) && time.GetUtcNow() - last < Pause) continue;
            if (_said.Count >= Remembered) _said.Clear();
            _said[said.Metadata.Name] = time.GetUtcNow();
            try
            {
                await WriteAsync(said, ct);
            }
            catch (ApiException e)
            {
                logger.EventLost(said.Reason, said.InvolvedObject.Kind, said.InvolvedObject.Name, e.Message);
            }
        }
    }

    private void Record<T>(string type, Resource<T> kind, T about, string reason, string message)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var (meta, now) = (about.Metadata, time.GetUtcNow().UtcDateTime);
        _waiting.Writer.TryWrite(new Corev1Event
        {
            Metadata = new V1ObjectMeta
            {
                Name = $"{meta.Name}.{Objects.NameHash($"{meta.Uid}/{reason}/{message}", 16)}",
                NamespaceProperty = string.IsNullOrEmpty(meta.NamespaceProperty) ? "default" : meta.NamespaceProperty,
            },
            InvolvedObject = new V1ObjectReference
            {
                ApiVersion = kind.ApiVersion,
                Kind = kind.Kind,
                Name = meta.Name,
                NamespaceProperty = meta.NamespaceProperty,
                Uid = meta.Uid,
                ResourceVersion = meta.ResourceVersion,
            },
            Type = type,
            Reason = reason,
            Message = message,
            Count = 1,
            FirstTimestamp = now,
            LastTimestamp = now,
            Source = new V1EventSource { Component = Component(kind, reason) },
            ReportingComponent = Component(kind, reason),
        });
    }

    /// <summary>Who says such things in a cluster of several programs.</summary>
    private static string Component(Resource kind, string reason) => kind.Kind switch
    {
        "Pod" when reason is "Scheduled" or "FailedScheduling" => "default-scheduler",
        "Deployment" or "ReplicaSet" or "StatefulSet" or "DaemonSet" or "Job" => $"{kind.Kind.ToLowerInvariant()}-controller",
        "Node" => "node-controller",
        _ => "podnet-controllers",
    };

    private async Task WriteAsync(Corev1Event said, CancellationToken ct)
    {
        var (@namespace, name) = (said.Metadata.NamespaceProperty, said.Metadata.Name);
        try
        {
            await client.CreateAsync(Resources.Events, said, ct);
        }
        catch (ApiException e) when (e.IsAlreadyExists)
        {
            var before = await client.GetAsync(Resources.Events, @namespace, name, ct);
            var patch = new JsonObject
            {
                ["count"] = (before?.Count ?? 0) + 1,
                ["lastTimestamp"] = said.LastTimestamp!.Value.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'"),
            };
            await client.PatchAsync(Resources.Events, @namespace, name, patch, subresource: null, ct);
        }
    }
}
