using System.Diagnostics;
using System.Text;
using Podnet.Core.Model;
using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.Bench;

/// <summary>
/// The layout to compare with: a chain for each Service, and in it an anonymous map from a random number to an endpoint, loaded by
/// <c>nft -f</c>. It has what forwards packets only: no firewall, nothing for Services without endpoints, no chains for endpoints.
/// </summary>
internal static class ChainPerService
{
    /// <summary>Seconds that nft takes in an empty kernel.</summary>
    public static double Load(int services, int endpoints)
    {
        using var kernel = new Kernel();
        return Load(kernel, Cluster.State(services, endpoints));
    }

    public static double Load(Kernel kernel, ClusterState state)
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, Text(state));
            var began = Stopwatch.GetTimestamp();
            var status = kernel.In(() => ChildProcess.Run(new ProcessStart("nft", ["-f", file]), default, TimeSpan.FromMinutes(5)));
            if (!status.Succeeded)
                throw new InvalidOperationException($"nft -f: {status.StandardError}");
            return Stopwatch.GetElapsedTime(began).TotalSeconds;
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static string Text(ClusterState state)
    {
        var (chains, elements) = (new StringBuilder(), new StringBuilder());
        foreach (var service in state.Services.Values)
        {
            var (ip, name) = (service.ClusterIPs[0], $"service-{service.Name.Name}");
            var endpoints = state.SlicesOf(service.Name).SelectMany(slice => slice.Endpoints).Select(endpoint => endpoint.Address).ToList();
            var slots = string.Join(", ", endpoints.Select((endpoint, slot) => $"{slot} : {endpoint} . {Cluster.TargetPort}"));
            chains.Append($"  chain {name} {{\n    ip daddr {ip} ip saddr != 10.240.0.0/12 jump mark-for-masquerade\n");
            chains.Append($"    meta l4proto tcp dnat ip to numgen random mod {endpoints.Count} map {{ {slots} }}\n  }}\n");
            elements.Append($"      {ip} . tcp . {Cluster.Port} : goto {name},\n");
        }
        return $$"""
            table ip per-service {
              chain mark-for-masquerade {
                meta mark set meta mark | 0x4000
              }
            {{chains}}  map service-ips {
                type ipv4_addr . inet_proto . inet_service : verdict
                elements = {
            {{elements}}    }
              }
              chain prerouting {
                type nat hook prerouting priority dstnat;
                ip daddr . meta l4proto . th dport vmap @service-ips
              }
              chain output {
                type nat hook output priority -100;
                ip daddr . meta l4proto . th dport vmap @service-ips
              }
              chain postrouting {
                type nat hook postrouting priority srcnat;
                meta mark & 0x4000 == 0 return
                meta mark set meta mark ^ 0x4000
                masquerade fully-random
              }
            }

            """;
    }
}
