using System.Text.Json;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Kubernetes;

namespace Podnet.Agent;

/// <summary>
/// Says in the Node's status that its network works: condition NetworkUnavailable=False, as the kubelet and the scheduler know it
/// (core/v1 NodeNetworkUnavailable).
/// </summary>
internal static class NetworkCondition
{
    private const string Type = "NetworkUnavailable";
    private const string Reason = "PodnetReady";

    public static bool IsSet(V1Node node) =>
        node.Status?.Conditions?.Any(condition => condition is { Type: Type, Status: "False", Reason: Reason }) == true;

    /// <summary>Tries until it is said.</summary>
    public static async Task SetAsync(ApiClient client, string nodeName, ILogger logger, CancellationToken ct)
    {
        var backOff = new BackOff(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(30));
        while (true)
        {
            try
            {
                var node = await client.GetAsync(Resources.Nodes, null, nodeName, ct)
                    ?? throw new ApiException(404, "NotFound", $"there is no Node {nodeName}");
                await TrySetAsync(client, node, ct);
                logger.ConditionSet();
                return;
            }
            catch (ApiException e)
            {
                var delay = backOff.Next();
                logger.ConditionFailed(delay, e.Message);
                await Task.Delay(delay, ct);
            }
        }
    }

    /// <summary>A merge patch replaces the whole list, so it says of which version of the Node it is: a conflict means to read again.</summary>
    private static async Task TrySetAsync(ApiClient client, V1Node node, CancellationToken ct)
    {
        if (IsSet(node))
            return;
        var others = node.Status?.Conditions ?? [];
        var current = others.FirstOrDefault(condition => condition.Type == Type);
        var now = DateTime.UtcNow;
        var condition = new V1NodeCondition
        {
            Type = Type,
            Status = "False",
            Reason = Reason,
            Message = "Podnet has programmed routes and Service rules",
            LastHeartbeatTime = now,
            LastTransitionTime = current?.Status == "False" ? current.LastTransitionTime : now,
        };
        var conditions = new JsonArray();
        foreach (var each in others.Where(condition => condition.Type != Type).Append(condition))
            conditions.Add(JsonSerializer.SerializeToNode(each, SourceGenerationContext.Default.V1NodeCondition));
        var patch = new JsonObject
        {
            ["metadata"] = new JsonObject { ["resourceVersion"] = node.Metadata.ResourceVersion },
            ["status"] = new JsonObject { ["conditions"] = conditions },
        };
        await client.PatchAsync(Resources.Nodes, null, node.Metadata.Name, patch, "status", ct);
    }
}
