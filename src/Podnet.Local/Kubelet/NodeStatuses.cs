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

    /// <summary>The pods a node may have; nothing more is needed to decide whether the object says so already.</summary>
    public static bool IsTold(V1Node node, IReadOnlyList<string> addresses) =>
        node.Status?.Conditions?.Any(c => c.Type == "Ready" && c.Status == "True") == true
        && addresses.All(ip => node.Status.Addresses?.Any(a => a.Address == ip) == true);

    public static V1NodeStatus Build(string name, IReadOnlyList<string> addresses, DateTime now) => new()
    {
        Addresses =
        [
            .. addresses.Select(ip => new V1NodeAddress { Type = "InternalIP", Address = ip }),
            new V1NodeAddress { Type = "Hostname", Address = name },
        ],
        Conditions =
        [
            Condition("MemoryPressure", "False", "KubeletHasSufficientMemory", now),
            Condition("DiskPressure", "False", "KubeletHasNoDiskPressure", now),
            Condition("PIDPressure", "False", "KubeletHasSufficientPID", now),
            Condition("Ready", "True", "KubeletReady", now),
        ],
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
            MachineID = name,
            SystemUUID = name,
            OperatingSystem = "linux",
            OsImage = OsName(),
        },
    };

    private static string Version =>
        typeof(NodeStatuses).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    private static V1NodeCondition Condition(string type, string status, string reason, DateTime now) =>
        new() { Type = type, Status = status, Reason = reason, LastHeartbeatTime = now, LastTransitionTime = now };

    private static Dictionary<string, ResourceQuantity> Capacity() => new()
    {
        ["cpu"] = new ResourceQuantity(Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture)),
        ["memory"] = new ResourceQuantity($"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1024}Ki"),
        ["pods"] = new ResourceQuantity(MaxPods),
    };

    /// <summary>PRETTY_NAME of os-release(5).</summary>
    private static string OsName() => !File.Exists("/etc/os-release")
        ? "Linux"
        : File.ReadLines("/etc/os-release")
            .FirstOrDefault(line => line.StartsWith("PRETTY_NAME=", StringComparison.Ordinal))?["PRETTY_NAME=".Length..].Trim('"') ?? "Linux";
}
