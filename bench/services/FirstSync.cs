using System.Diagnostics;
using Podnet.Core.Model;
using Podnet.Core.Rules;
using Podnet.Core.Services;
using Podnet.Dataplane.Iptables;
using Podnet.Dataplane.Nftables;
using Podnet.Testing;

namespace Podnet.Bench;

/// <summary>From objects in memory to rules in an empty kernel, in seconds.</summary>
internal static class FirstSync
{
    public static double Nftables(int services, int endpoints)
    {
        var state = Cluster.State(services, endpoints);
        using var kernel = new Kernel();
        return kernel.In(() =>
        {
            using var ruleset = new Ruleset();
            var began = Stopwatch.GetTimestamp();
            new ServiceTableDriver(IPFamily.V4, ruleset).Apply(Cluster.Table(state));
            return Stopwatch.GetElapsedTime(began).TotalSeconds;
        });
    }

    public static double Iptables(int services, int endpoints)
    {
        var state = Cluster.State(services, endpoints);
        using var kernel = new Kernel();
        return kernel.In(() =>
        {
            var began = Stopwatch.GetTimestamp();
            new IptablesDriver(IPFamily.V4).Apply(IptablesRenderer.Render(ServicePlanner.Plan(state, Cluster.Node.Name, IPFamily.V4), Cluster.Config));
            return Stopwatch.GetElapsedTime(began).TotalSeconds;
        });
    }
}
