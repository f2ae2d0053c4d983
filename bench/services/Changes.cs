using System.Diagnostics;
using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Dataplane.Nftables;
using Podnet.Testing;

namespace Podnet.Bench;

/// <summary>
/// One endpoint of one Service is another: from the new slice to the commit. Median and 99th percentile, in milliseconds. An agent works for
/// weeks, so what the first changes take in a new process (compiling, the collector's first rounds) is not in them.
/// </summary>
internal static class Changes
{
    /// <summary>Changes before those that are measured: arbitrary, until more of them make no difference.</summary>
    private const int WarmUp = 2000;

    public static double[] Run(int services, int endpoints, int times)
    {
        var state = Cluster.State(services, endpoints);
        using var kernel = new Kernel();
        return kernel.In(() =>
        {
            using var ruleset = new Ruleset();
            var driver = new ServiceTableDriver(IPFamily.V4, ruleset);
            var table = Cluster.Table(state);
            driver.Apply(table);
            // As the agent does after its first sync.
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            var took = new List<double>(WarmUp + times);
            for (var i = 0; i < WarmUp + times; i++)
            {
                // A Service's last endpoint gives way to a new pod.
                var service = i * 7919 % services;
                var slice = Cluster.Slice(service, [.. Enumerable.Range(service * endpoints, endpoints - 1), (services * endpoints) + i]);
                var began = Stopwatch.GetTimestamp();
                state = state with { EndpointSlices = state.EndpointSlices.With(slice) };
                var change = new TableChange();
                table.Put(slice.ServiceName, Cluster.Plan(state, state.Services[slice.ServiceName]), change);
                driver.Apply(table, change);
                took.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }
            return Percentiles(took[WarmUp..]);
        });
    }

    public static double[] Percentiles(List<double> values)
    {
        values.Sort();
        return [values[values.Count / 2], values[(int)(values.Count * 0.99)]];
    }
}
