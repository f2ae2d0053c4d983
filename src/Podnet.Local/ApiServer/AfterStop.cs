using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

/// <summary>
/// What a store says of a cluster that was stopped, or whose machine went down: everything is kept, but nothing runs. Said before the
/// first client can read, so that nobody takes a pod for ready, or a node, that is not yet there again.
/// </summary>
internal sealed class AfterStop(ResourceTable table, DateTimeOffset now)
{
    private const string Reason = "ClusterStarted";
    private const string Message = "the cluster was started again";

    private readonly string _now = ObjectJson.Timestamp(now);

    public Task SayAsync(ObjectStore store) => store.WriteAsync(writer =>
    {
        Change(writer, table.Find("", "v1", "nodes")!, Node);
        Change(writer, table.Pods, Pod);
        Change(writer, table.Find("discovery.k8s.io", "v1", "endpointslices")!, EndpointSlice);
        return true;
    });

    private static void Change(ObjectStore.Writer writer, ResourceDefinition resource, Func<JsonObject, bool> change)
    {
        foreach (var stored in writer.All(resource).ToList())
        {
            var o = ObjectJson.Parse(stored.Json);
            if (change(o))
                writer.Put(resource, o);
        }
    }

    /// <summary>Its kubelet will say that it is ready, its agent that it has its network.</summary>
    private bool Node(JsonObject node)
    {
        SetCondition(node, "Ready", "False");
        SetCondition(node, "NetworkUnavailable", "True");
        return true;
    }

    /// <summary>The containers stay as they were last seen: from that the kubelet knows how often they have been started.</summary>
    private bool Pod(JsonObject pod)
    {
        if (pod.Text("status", "phase") is "Succeeded" or "Failed" || string.IsNullOrEmpty(pod.Text("spec", "nodeName")))
            return false;
        foreach (var type in (string[])["Ready", "ContainersReady", "PodReadyToStartContainers"])
            SetCondition(pod, type, "False");
        foreach (var container in pod["status"].Items("containerStatuses"))
            (container["ready"], container["started"]) = (false, false);
        return true;
    }

    /// <summary>Those of the EndpointSlice controller, which looks at the pods; others' slices are theirs.</summary>
    private static bool EndpointSlice(JsonObject slice)
    {
        if (slice.Text("metadata", "labels", Controllers.WellKnown.ManagedBy) != Controllers.WellKnown.EndpointSliceController)
            return false;
        foreach (var endpoint in slice.Items("endpoints"))
            (endpoint.Child("conditions")["ready"], endpoint.Child("conditions")["serving"]) = (false, false);
        return true;
    }

    private void SetCondition(JsonObject o, string type, string status)
    {
        foreach (var condition in o["status"].Items("conditions").Where(c => c.Text("type") == type && c.Text("status") != status))
        {
            (condition["status"], condition["lastTransitionTime"]) = (status, _now);
            (condition["reason"], condition["message"]) = (Reason, Message);
        }
    }
}
