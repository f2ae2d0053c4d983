using k8s.Models;

namespace Podnet.Local.Kubelet;

/// <summary>From a container's resources to those of its control group, as the kubelet does it (pkg/kubelet/cm, helpers_linux.go).</summary>
internal static class ContainerLimits
{
    /// <summary>Microseconds (CFS).</summary>
    private const long Period = 100_000;

    private const long LeastQuota = 1000;
    private const long LeastShares = 2;
    private const long SharesOfOneCpu = 1024;

    public static OciResources Of(V1Container container)
    {
        var requested = Amount(container.Resources?.Requests, "cpu");
        var limit = Amount(container.Resources?.Limits, "cpu");
        var memory = Amount(container.Resources?.Limits, "memory");
        var cpu = requested is null && limit is null ? null : new OciCpu(
            Math.Max(LeastShares, (long)((requested ?? limit!.Value) * SharesOfOneCpu)),
            limit is > 0 ? Math.Max(LeastQuota, (long)(limit.Value * Period)) : null,
            limit is > 0 ? Period : null);
        return OciDefaults.NoDevices with { Cpu = cpu, Memory = memory is > 0 ? new OciMemory((long)memory.Value) : null };
    }

    private static decimal? Amount(IDictionary<string, ResourceQuantity>? amounts, string name) =>
        amounts is not null && amounts.TryGetValue(name, out var amount) ? amount.ToDecimal() : null;
}
