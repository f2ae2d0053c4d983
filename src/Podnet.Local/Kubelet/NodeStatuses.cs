using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using k8s.Models;

namespace Podnet.Local.Kubelet;

/// <summary>What a Node object says about its node: this machine, by other addresses.</summary>
internal static class NodeStatuses
{
    /// <summary>The kubelet's default.</summary>
    private const string MaxPods = "110";

    /// <summary>Whether the object has it already.</summary>
    public static bool IsTold(V1Node node, IReadOnlyList<string> addresses) =>
        node.Status?.Conditions?.Any(c => c.Type == "Ready" && c.Status == "True") == true
        && addresses.All(ip => node.Status.Addresses?.Any(a => a.Address == ip) == true);

    /// <param name="node">Conditions that others put there (NetworkUnavailable) stay.</param>
    public static V1NodeStatus Build(V1Node node, IReadOnlyList<string> addresses, DateTime now) => new()
    {
        Addresses =
        [
            .. addresses.Select(ip => new V1NodeAddress { Type = "InternalIP", Address = ip }),
            new V1NodeAddress { Type = "Hostname", Address = node.Metadata.Name },
        ],
        Conditions = [.. ((IEnumerable<V1NodeCondition>)Own(now)).UnionBy(node.Status?.Conditions ?? [], condition => condition.Type)],
        Capacity = Capacity(),
        Allocatable = Capacity(),
        NodeInfo = new V1NodeSystemInfo
        {
            Architecture = RuntimeInformation.OSArchitecture == Architecture.X64 ? "amd64" : "arm64",
            BootID = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim(),
            ContainerRuntimeVersion = "runc://podnet",
            KernelVersion = File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
            KubeletVersion = $"podnet-{Version}",
            KubeProxyVersion = "",
            MachineID = node.Metadata.Name,
            SystemUUID = node.Metadata.Name,
            OperatingSystem = "linux",
            OsImage = OsName(),
        },
    };

    private static string Version =>
        typeof(NodeStatuses).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    private static V1NodeCondition[] Own(DateTime now) =>
    [
        Condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available", now),
        Condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure", now),
        Condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available", now),
        Condition("Ready", "True", "KubeletReady", "kubelet is posting ready status", now),
    ];

    private static V1NodeCondition Condition(string type, string status, string reason, string message, DateTime now) =>
        new() { Type = type, Status = status, Reason = reason, Message = message, LastHeartbeatTime = now, LastTransitionTime = now };

    private static Dictionary<string, ResourceQuantity> Capacity() => new()
    {
        ["cpu"] = new ResourceQuantity(Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture)),
        ["memory"] = new ResourceQuantity($"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1024}Ki"),
        ["pods"] = new ResourceQuantity(MaxPods),
    };

    /// <summary>PRETTY_NAME of os-release(5).</summary>
    private static string OsName()
    {
        const string file = "/etc/os-release";
        const string key = "PRETTY_NAME=";
        var line = File.Exists(file) ? File.ReadLines(file).FirstOrDefault(l => l.StartsWith(key, StringComparison.Ordinal)) : null;
        return line?[key.Length..].Trim('"') ?? "Linux";
    }
}
