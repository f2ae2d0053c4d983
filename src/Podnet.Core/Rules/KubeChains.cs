using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Podnet.Core.Services;

namespace Podnet.Core.Rules;

/// <summary>The chains of the Service proxy: their names, as kube-proxy gives them, say whose they are.</summary>
public static class KubeChains
{
    public const string Services = "KUBE-SERVICES";
    public const string ExternalServices = "KUBE-EXTERNAL-SERVICES";
    public const string NodePorts = "KUBE-NODEPORTS";
    public const string PostRouting = "KUBE-POSTROUTING";
    public const string MarkMasquerade = "KUBE-MARK-MASQ";
    public const string Forward = "KUBE-FORWARD";
    public const string ProxyFirewall = "KUBE-PROXY-FIREWALL";

    /// <summary>Empty. If it is gone from a table, somebody has flushed the table.</summary>
    public const string Canary = "KUBE-PROXY-CANARY";

    /// <summary>
    /// Shared with the kubelet, which keeps the same rule in it: what else is in there is not ours to take away.
    /// </summary>
    public const string Firewall = "KUBE-FIREWALL";

    /// <summary>The kubelet's own, in mangle: where it is, a kubelet looks after <see cref="Firewall"/> too.</summary>
    public const string KubeletCanary = "KUBE-KUBELET-CANARY";

    /// <summary>For policy Cluster: the split over the cluster's endpoints.</summary>
    public const string ClusterPrefix = "KUBE-SVC-";

    /// <summary>For policy Local: the split over this node's endpoints.</summary>
    public const string LocalPrefix = "KUBE-SVL-";

    /// <summary>Where all traffic to external IPs, load balancer IPs and node ports goes first.</summary>
    public const string ExternalPrefix = "KUBE-EXT-";

    /// <summary>Who may use the load balancer IPs.</summary>
    public const string FirewallPrefix = "KUBE-FW-";

    /// <summary>A Service endpoint.</summary>
    public const string EndpointPrefix = "KUBE-SEP-";

    private static readonly ImmutableArray<string> PerServicePrefixes =
        [ClusterPrefix, LocalPrefix, ExternalPrefix, FirewallPrefix, EndpointPrefix];

    private static readonly ImmutableHashSet<string> Fixed =
    [
        Services, ExternalServices, NodePorts, PostRouting, MarkMasquerade, Forward, ProxyFirewall, Canary, Firewall,
    ];

    /// <summary>Of a ServicePort or endpoint: such chains come and go.</summary>
    public static bool IsPerService(string chain)
    {
        foreach (var prefix in PerServicePrefixes)
        {
            if (chain.StartsWith(prefix, StringComparison.Ordinal))
                return true;
        }

        return false;
    }

    /// <summary>The Service proxy's. Other chains that begin with KUBE- belong to the kubelet or to other programs.</summary>
    public static bool IsOwned(string chain) => Fixed.Contains(chain) || IsPerService(chain);

    public static string Cluster(ServicePortName port) => ClusterPrefix + Hash(port, "");

    public static string Local(ServicePortName port) => LocalPrefix + Hash(port, "");

    public static string External(ServicePortName port) => ExternalPrefix + Hash(port, "");

    public static string LoadBalancerFirewall(ServicePortName port) => FirewallPrefix + Hash(port, "");

    public static string Endpoint(ServicePortName port, ServiceEndpoint endpoint) => EndpointPrefix + Hash(port, endpoint.Text);

    /// <summary>The first 16 characters of base32(SHA-256("ns/name:port" + "tcp" [+ "ip:port"])), as kube-proxy hashes.</summary>
    private static string Hash(ServicePortName port, string endpoint)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes($"{port}{RuleWords.Of(port.Protocol)}{endpoint}"), hash);
        return Base32(hash[..10]);
    }

    /// <summary>RFC 4648, section 6, of a whole number of 5-byte groups: no padding.</summary>
    private static string Base32(ReadOnlySpan<byte> bytes)
    {
        const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        var text = new StringBuilder(bytes.Length * 8 / 5);
        var (buffer, bits) = (0, 0);
        foreach (var b in bytes)
        {
            buffer = (buffer << 8) | b;
            bits += 8;
            while (bits >= 5)
            {
                bits -= 5;
                text.Append(Alphabet[(buffer >> bits) & 31]);
            }

            buffer &= (1 << bits) - 1;
        }

        return text.ToString();
    }
}
