using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

/// <summary>Which of a pod's containers a request means.</summary>
internal static class PodTarget
{
    private static readonly string[] Lists = ["containers", "initContainers", "ephemeralContainers"];
    private static readonly string[] Statuses = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"];

    /// <param name="wanted">Empty for the only one.</param>
    public static string Choose(JsonObject pod, string wanted)
    {
        var name = pod.Text("metadata", "name");
        if (wanted.Length > 0)
        {
            return Lists.SelectMany(list => pod["spec"].Items(list)).Any(c => c.Text("name") == wanted)
                ? wanted
                : throw StatusException.BadRequest($"container {wanted} is not valid for pod {name}");
        }

        var mains = pod["spec"].Items("containers").Select(c => c.Text("name")!).ToArray();
        if (mains.Length == 1)
            return mains[0];
        var inits = pod["spec"].Items("initContainers").Select(c => c.Text("name")!).ToArray();
        var or = inits.Length == 0 ? "" : $" or one of the init containers: [{string.Join(' ', inits)}]";
        throw StatusException.BadRequest($"a container name must be specified for pod {name}, choose one of: [{string.Join(' ', mains)}]{or}");
    }

    /// <summary>Null while no node has the pod.</summary>
    public static ContainerTarget? Of(JsonObject pod, string container) => pod.Text("spec", "nodeName") is { Length: > 0 } node
        ? new(node, pod.Text("metadata", "namespace")!, pod.Text("metadata", "name")!, pod.Text("metadata", "uid")!, container)
        : null;

    public static JsonObject? StatusOf(JsonObject pod, string container) =>
        Statuses.SelectMany(list => pod["status"].Items(list)).FirstOrDefault(s => s.Text("name") == container);

    public static StatusException NoNode(string node) => new(500, "InternalError", $"Internal error occurred: no kubelet of node {node} is running");
}
