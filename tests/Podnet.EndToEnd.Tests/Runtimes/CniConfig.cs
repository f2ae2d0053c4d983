namespace Podnet.EndToEnd.Tests.Runtimes;

/// <summary>What the tests' runtimes read in /etc/cni/net.d.</summary>
internal static class CniConfig
{
    public const string Path = "/etc/cni/net.d/10-podnet.conflist";

    /// <summary>Where the agent says which subnets the node's pods have.</summary>
    public const string PodNetworkPath = "/run/podnet/pod-network.json";

    public const string PodNetwork = """{"podCIDRs":["10.240.0.0/24","fd00:1::/64"],"mtu":1450}""";

    /// <summary>Of a node without an agent.</summary>
    public const string WithSubnets = """
        {
          "cniVersion": "1.0.0", "name": "podnet",
          "plugins": [{
            "type": "podnet-cni",
            "capabilities": { "ips": true, "mac": true, "portMappings": true },
            "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.240.0.0/24" }], [{ "subnet": "fd00:1::/64" }]] }
          }]
        }
        """;

    /// <summary>As the agent writes it.</summary>
    public const string OfAgent = $$"""
        {
          "cniVersion": "1.0.0", "cniVersions": ["0.3.1", "0.4.0", "1.0.0", "1.1.0"], "name": "podnet",
          "plugins": [{
            "type": "podnet-cni",
            "podNetwork": "{{PodNetworkPath}}",
            "capabilities": { "ips": true, "mac": true, "dns": true, "portMappings": true, "bandwidth": true }
          }]
        }
        """;
}
