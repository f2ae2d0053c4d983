using k8s.Models;

namespace Podnet.Local;

/// <summary>What a cluster still lacks before somebody can use it, in words for a person; nothing if all is there.</summary>
public static class ClusterReadiness
{
    public static IEnumerable<string> Missing(int nodes, IReadOnlyCollection<V1Node> known)
    {
        var ready = known.Where(IsReady).Select(n => n.Metadata.Name).ToHashSet();
        if (ready.Count >= nodes)
            return [];
        var waiting = known.Select(n => n.Metadata.Name).Where(n => !ready.Contains(n)).Order();
        return [$"nodes {ready.Count}/{nodes} ready{List(waiting)}"];
    }

    public static IEnumerable<string> Missing(IReadOnlyCollection<V1Pod> pods, int wanted)
    {
        var ready = pods.Count(IsReady);
        if (ready >= wanted)
            return [];
        return [$"pods {ready}/{wanted} ready{List(pods.Where(p => !IsReady(p)).Select(Describe).Order())}"];
    }

    /// <summary>Of a cluster that was started again: the pods of which it is not known yet what becomes of them. One that fails, fails as it did before.</summary>
    public static IEnumerable<string> Unsettled(IReadOnlyCollection<V1Pod> pods)
    {
        var coming = pods.Where(p => !IsReady(p) && StateOf(p) is ("Pending" or "Running" or "ContainerCreating" or "PodInitializing")).ToList();
        return coming.Count == 0 ? [] : [$"pods {pods.Count(IsReady)}/{pods.Count} ready{List(coming.Select(Describe).Order())}"];
    }

    /// <summary>The kubelet is there, and the node's agent has put in routes and rules.</summary>
    public static bool IsReady(V1Node node) =>
        Condition(node, "Ready") == "True" && Condition(node, "NetworkUnavailable") == "False";

    public static bool IsReady(V1Pod pod) =>
        pod.Metadata.DeletionTimestamp is null
        && pod.Status?.Conditions?.FirstOrDefault(c => c.Type == "Ready")?.Status == "True";

    /// <summary>One word for what a pod is doing, as kubectl's STATUS column has it.</summary>
    public static string StateOf(V1Pod pod)
    {
        if (pod.Metadata.DeletionTimestamp is not null)
            return "Terminating";
        var waiting = pod.Status?.ContainerStatuses?.Select(c => c.State?.Waiting?.Reason).FirstOrDefault(r => r is not null);
        return waiting ?? pod.Status?.Phase ?? "Pending";
    }

    private static string Describe(V1Pod pod)
    {
        // Why it cannot be placed is in a condition; why a container does not run is in its state.
        var why = pod.Status?.Conditions?.FirstOrDefault(c => c.Type == "PodScheduled" && c.Status == "False")?.Message
            ?? pod.Status?.ContainerStatuses?.Select(c => c.State?.Waiting?.Message).FirstOrDefault(m => m is not null);
        return why is null ? $"{pod.Metadata.Name} {StateOf(pod)}" : $"{pod.Metadata.Name} {StateOf(pod)}: {why}";
    }

    private static string? Condition(V1Node node, string type) =>
        node.Status?.Conditions?.FirstOrDefault(c => c.Type == type)?.Status;

    private static string List(IEnumerable<string> names)
    {
        var text = string.Join(", ", names);
        return text == "" ? "" : $" ({text})";
    }
}
