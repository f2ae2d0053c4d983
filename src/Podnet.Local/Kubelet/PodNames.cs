using k8s.Models;

namespace Podnet.Local.Kubelet;

/// <summary>The files by which a pod's programs resolve names.</summary>
internal static class PodNames
{
    private const string Domain = Podnet.Dns.DnsOptions.DefaultDomain;

    /// <summary>Nameservers that resolvers use at most (resolv.conf(5), MAXNS), and Kubernetes allows.</summary>
    private const int MostNameservers = 3;

    /// <summary>As the kubelet writes it into every container, with the pod's own lines at the end.</summary>
    public static string HostsFile(this V1Pod pod, IEnumerable<string> addresses, string hostname)
    {
        var lines = new List<string>
        {
            "# Written by podnet for this pod.",
            "127.0.0.1\tlocalhost",
            "::1\tlocalhost ip6-localhost ip6-loopback",
            "fe00::\tip6-localnet",
            "ff00::\tip6-mcastprefix",
            "ff02::1\tip6-allnodes",
            "ff02::2\tip6-allrouters",
        };
        var name = pod.Spec.Subdomain is { Length: > 0 } subdomain
            ? $"{hostname}.{subdomain}.{pod.Metadata.NamespaceProperty}.svc.{Domain}\t{hostname}"
            : hostname;
        lines.AddRange(addresses.Select(address => $"{address}\t{name}"));
        foreach (var alias in pod.Spec.HostAliases ?? [])
            lines.Add($"{alias.Ip}\t{string.Join('\t', alias.Hostnames ?? [])}");
        return string.Join('\n', lines) + "\n";
    }

    /// <summary>
    /// resolv.conf(5) by the pod's dnsPolicy, and then its dnsConfig (pkg/kubelet/network/dns): servers and domains are added, an option takes the
    /// place of one of the same name. A node of a local cluster has no servers of its own for dnsPolicy Default to inherit.
    /// </summary>
    /// <param name="clusterDns">The cluster's servers; none where it has none.</param>
    public static string ResolvFile(this V1Pod pod, IReadOnlyList<string> clusterDns)
    {
        var isCluster = pod.Spec.DnsPolicy switch
        {
            "None" or "Default" => false,
            "ClusterFirstWithHostNet" => true,
            // "Pods running with hostNetwork with 'ClusterFirst' will fallback to the behavior of the 'Default' policy" (kubernetes.io, "DNS for
            // Services and Pods").
            _ => !pod.UsesHostNetwork(),
        };
        var own = pod.Spec.DnsConfig;
        string[] servers = [.. isCluster ? clusterDns : [], .. own?.Nameservers ?? []];
        string[] search = [.. isCluster ? (string[])[$"{pod.Metadata.NamespaceProperty}.svc.{Domain}", $"svc.{Domain}", Domain] : [], .. own?.Searches ?? []];
        var options = new OrderedDictionary<string, string?>(StringComparer.Ordinal);
        if (isCluster)
            options["ndots"] = "5";
        foreach (var option in own?.Options ?? [])
            options[option.Name] = option.Value;
        string[] lines =
        [
            .. servers.Distinct(StringComparer.Ordinal).Take(MostNameservers).Select(server => $"nameserver {server}"),
            .. Line("search", search.Distinct(StringComparer.Ordinal)),
            .. Line("options", options.Select(option => string.IsNullOrEmpty(option.Value) ? option.Key : $"{option.Key}:{option.Value}")),
        ];
        return string.Concat(lines.Select(line => line + "\n"));
    }

    private static string[] Line(string word, IEnumerable<string> values) => values.ToArray() is { Length: > 0 } all ? [$"{word} {string.Join(' ', all)}"] : [];
}
