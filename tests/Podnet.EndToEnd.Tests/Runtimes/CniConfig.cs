namespace Podnet.EndToEnd.Tests.Runtimes;

/// <summary>What the tests' runtimes read in /etc/cni/net.d.</summary>
internal static class CniConfig
{
    public const string Conflist = """
        {
          "cniVersion": "1.0.0", "name": "podnet",
          "plugins": [{
            "type": "podnet-cni",
            "capabilities": { "ips": true, "mac": true },
            "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.240.0.0/24" }], [{ "subnet": "fd00:1::/64" }]] }
          }]
        }
        """;
}
