using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Kubernetes;

namespace Podnet.Local.Kubelet;

/// <summary>Keeps the status of one pod in the API server as it is here. Only the latest counts; what is equal is not sent.</summary>
internal sealed class PodStatusWriter(ApiClient client, V1Pod pod, ILogger logger)
{
    /// <summary>Arbitrary.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private readonly Channel<V1PodStatus> _latest = Channel.CreateBounded<V1PodStatus>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    private JsonObject _known = Read(pod.Status);

    public void Write(V1PodStatus status) => _latest.Writer.TryWrite(status);

    /// <summary>Nothing more will come.</summary>
    public void Complete() => _latest.Writer.TryComplete();

    public async Task RunAsync(CancellationToken ct)
    {
        await foreach (var status in _latest.Reader.ReadAllAsync(ct))
        {
            while (!await TrySendAsync(Read(status), ct))
            {
                await Task.Delay(Pause, ct);
                if (_latest.Reader.TryPeek(out _))
                    break;
            }
        }
    }

    /// <summary>True also where the pod is gone: there is nobody left to tell.</summary>
    private async Task<bool> TrySendAsync(JsonObject status, CancellationToken ct)
    {
        if (Difference(_known, status) is not { Count: > 0 } changed)
            return true;
        // The uid says which pod of this name is meant: another one's is refused.
        var patch = new JsonObject { ["metadata"] = new JsonObject { ["uid"] = pod.Metadata.Uid }, ["status"] = changed };
        try
        {
            await client.PatchAsync(Resources.Pods, pod.Metadata.NamespaceProperty, pod.Metadata.Name, patch, "status", ct);
            _known = status;
            return true;
        }
        catch (ApiException e) when (e.IsNotFound || e.Code is 409 or 422)
        {
            logger.NotTold($"status of pod {pod.FullName()}", e.Message);
            return true;
        }
        catch (ApiException e)
        {
            logger.NotTold($"status of pod {pod.FullName()}, will be sent again", e.Message);
            return false;
        }
    }

    /// <summary>The fields that differ; one that is no more is null, which takes it away (RFC 7396).</summary>
    internal static JsonObject Difference(JsonObject before, JsonObject now)
    {
        var changed = new JsonObject();
        foreach (var (name, value) in now)
        {
            if (!JsonNode.DeepEquals(value, before[name]))
                changed[name] = value?.DeepClone();
        }

        foreach (var (name, _) in before.Where(field => !now.ContainsKey(field.Key)))
            changed[name] = null;
        return changed;
    }

    private static JsonObject Read(V1PodStatus? status) =>
        status is null ? [] : (JsonObject)JsonSerializer.SerializeToNode(status, SourceGenerationContext.Default.V1PodStatus)!;
}
