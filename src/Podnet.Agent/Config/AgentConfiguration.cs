using System.Collections.Immutable;
using System.Net;
using Microsoft.Extensions.Logging;
using Podnet.Kubernetes.Manifests;

namespace Podnet.Agent.Config;

/// <summary>
/// From kube-proxy's config to what the agent is told. What kube-proxy refuses is refused, and what it can do and Podnet cannot, too:
/// by the field's name, where it stands.
/// </summary>
public static class AgentConfiguration
{
    public const string ApiVersion = "kubeproxy.config.k8s.io/v1alpha1";
    public const string Kind = "KubeProxyConfiguration";
    private const int HealthzPort = 10256;
    private const int MetricsPort = 10249;

    /// <summary>kube-proxy's own: connections per core, and at least so many (pkg/proxy/apis/config/v1alpha1/defaults.go).</summary>
    private const int DefaultMaxPerCore = 32 * 1024;
    private const int DefaultMinConnections = 128 * 1024;

    /// <summary>As kube-proxy's: more cost memory on machines of many cores.</summary>
    private const int MostScaledConnections = 1024 * 1024;

    /// <summary>Links' names are up to IFNAMSIZ - 1 bytes (linux/if.h).</summary>
    private const int LongestInterfaceName = 15;

    /// <summary>From a config file, YAML or JSON; only this name and this kubeconfig come from the command line.</summary>
    /// <param name="nodeName">Wins over the file's; null for that, or for the machine's name.</param>
    /// <param name="kubeconfig">Where the file names none.</param>
    /// <exception cref="ManifestException">One line: file, line, column, field, and what is wrong.</exception>
    public static AgentOptions ReadFile(string path, string? nodeName = null, string? kubeconfig = null)
    {
        if (!File.Exists(path))
            throw new ManifestException($"{path}: no such file");
        return Parse(File.ReadAllText(path), path, nodeName, kubeconfig);
    }

    /// <inheritdoc cref="ReadFile"/>
    public static AgentOptions Parse(string text, string path, string? nodeName = null, string? kubeconfig = null)
    {
        var document = TypedDocument<KubeProxyConfiguration>.Parse(
            text, path, KubeProxyConfigurationJson.Default.KubeProxyConfiguration, Kind);
        var config = document.Value;
        Expect("apiVersion", config.ApiVersion, ApiVersion);
        Expect("kind", config.Kind, Kind);
        // An empty address in a file is the default; only a flag can say that there shall be none.
        return Build(config with
        {
            HealthzBindAddress = config.HealthzBindAddress is "" ? null : config.HealthzBindAddress,
            MetricsBindAddress = config.MetricsBindAddress is "" ? null : config.MetricsBindAddress,
            HostnameOverride = string.IsNullOrEmpty(nodeName) ? config.HostnameOverride : nodeName,
            ClientConnection = (config.ClientConnection ?? new()) with
            {
                Kubeconfig = config.ClientConnection?.Kubeconfig is { Length: > 0 } given ? given : kubeconfig,
            },
        }, document.Fault);

        void Expect(string field, string? given, string expected)
        {
            if (given != expected)
                throw document.Fault(field, given is null ? $"is missing: {expected}" : $"\"{given}\" is unknown: use {expected}");
        }
    }

    /// <summary>From a config of whatever origin.</summary>
    /// <param name="fault">The error for a field, by its path ("iptables.masqueradeBit") and what is wrong.</param>
    public static AgentOptions Build(KubeProxyConfiguration config, Func<string, string, Exception> fault)
    {
        var fields = new FieldReader(fault);
        RefuseWhatPodnetHasNot(config, fields);
        var mode = Mode(config.Mode, fields);
        var addresses = config.NodePortAddresses ?? [];
        var networks = addresses.SelectMany((text, i) => NodePortNetworks(text, i, fields)).ToImmutableArray();
        var primary = addresses.Contains("primary", StringComparer.Ordinal);
        var node = fields.Address("bindAddress", config.BindAddress);
        var ipv6 = node?.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        var period = Periods(config, mode, fields);
        var options = new AgentOptions(NodeName(config.HostnameOverride, fields), NullIfEmpty(config.ClientConnection?.Kubeconfig))
        {
            ProxyMode = mode,
            ClusterCidrs = fields.OnePerFamily("clusterCIDR", config.ClusterCidr),
            MasqueradeBit = (mode == ProxyMode.Iptables ? config.Iptables?.MasqueradeBit : config.Nftables?.MasqueradeBit) ?? 14,
            MasqueradeAll = (mode == ProxyMode.Iptables ? config.Iptables?.MasqueradeAll : config.Nftables?.MasqueradeAll) ?? false,
            LocalhostNodePorts = config.Iptables?.LocalhostNodePorts ?? true,
            NodePortNetworks = networks,
            // kube-proxy's default in nftables mode.
            NodePortsOnPrimary = primary || (mode == ProxyMode.Nftables && addresses.Count == 0),
            NodeIP = node is null || node.Equals(IPAddress.Any) || node.Equals(IPAddress.IPv6Any) ? null : node,
            HealthzAddress = Listener("healthzBindAddress", config.HealthzBindAddress, ipv6 ? IPAddress.IPv6Any : IPAddress.Any, HealthzPort, fields),
            MetricsAddress = Listener(
                "metricsBindAddress", config.MetricsBindAddress, ipv6 ? IPAddress.IPv6Loopback : IPAddress.Loopback, MetricsPort, fields),
            BindAddressHardFail = config.BindAddressHardFail ?? false,
            SyncPeriod = period.Sync,
            MinSyncPeriod = period.Least,
            Conntrack = Conntrack(config.Conntrack ?? new(), fields),
            OomScoreAdjust = fields.InRange("oomScoreAdj", config.OomScoreAdj, -1000, 1000),
            // klog's verbosity 4 is "debug" by Kubernetes' logging conventions.
            LogLevel = config.Logging?.Verbosity >= 4 ? LogLevel.Debug : LogLevel.Information,
        };
        return Detection(config, options, fields);
    }

    private static void RefuseWhatPodnetHasNot(KubeProxyConfiguration config, FieldReader fields)
    {
        if (config.EnableProfiling == true)
            throw fields.Fault("enableProfiling", "Podnet has no /debug/pprof");
        if (config.Iptables?.SnatNodeInternalIP == true)
            throw fields.Fault("iptables.snatNodeInternalIP", "Podnet masquerades with the address of the link that a packet leaves by");
        if (config.Logging?.Format is { Length: > 0 } format && format != "text")
            throw fields.Fault("logging.format", $"\"{format}\" is not there: use text");
        if (config.WindowsRunAsService == true)
            throw fields.Fault("windowsRunAsService", "Podnet runs on Linux");
        fields.InRange("iptables.masqueradeBit", config.Iptables?.MasqueradeBit, 0, 31);
        fields.InRange("nftables.masqueradeBit", config.Nftables?.MasqueradeBit, 0, 31);
        // Podnet's watches need no refresh: checked all the same, so that a slip does not pass for a setting.
        fields.Duration("configSyncPeriod", config.ConfigSyncPeriod);
        if (config.ClientConnection?.Burst < 0)
            throw fields.Fault("clientConnection.burst", $"{config.ClientConnection.Burst} is negative");
    }

    private static ProxyMode Mode(string? text, FieldReader fields) => text switch
    {
        null or "" or "nftables" => ProxyMode.Nftables,
        "iptables" => ProxyMode.Iptables,
        "ipvs" or "userspace" or "kernelspace" => throw fields.Fault("mode", $"{text} is a mode that Podnet has not: use nftables or iptables"),
        _ => throw fields.Fault("mode", $"\"{text}\" is unknown: use nftables or iptables"),
    };

    private static string NodeName(string? given, FieldReader fields)
    {
        if (string.IsNullOrEmpty(given))
            return Environment.MachineName.ToLowerInvariant();
        var name = given.Trim().ToLowerInvariant();
        return name.Length > 0 ? name : throw fields.Fault("hostnameOverride", "is blank");
    }

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    /// <summary>Null is the default, empty is none.</summary>
    private static IPEndPoint? Listener(string field, string? text, IPAddress defaultAddress, int defaultPort, FieldReader fields) => text switch
    {
        null => new IPEndPoint(defaultAddress, defaultPort),
        "" => null,
        _ => fields.EndPoint(field, text, defaultPort),
    };

    private static ImmutableArray<IPNetwork> NodePortNetworks(string text, int index, FieldReader fields) => text switch
    {
        "primary" => [],
        "all" => [new IPNetwork(IPAddress.Any, 0), new IPNetwork(IPAddress.IPv6Any, 0)],
        "localhost" => [IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("::1/128")],
        _ => [fields.Network($"nodePortAddresses[{index}]", text)],
    };

    private static (TimeSpan Sync, TimeSpan? Least) Periods(KubeProxyConfiguration config, ProxyMode mode, FieldReader fields)
    {
        var iptables = Of("iptables", config.Iptables?.SyncPeriod, config.Iptables?.MinSyncPeriod);
        var nftables = Of("nftables", config.Nftables?.SyncPeriod, config.Nftables?.MinSyncPeriod);
        return mode == ProxyMode.Iptables ? iptables : nftables;

        (TimeSpan Sync, TimeSpan? Least) Of(string section, string? sync, string? least)
        {
            var syncPeriod = fields.Duration($"{section}.syncPeriod", sync) ?? TimeSpan.FromSeconds(30);
            var minSyncPeriod = fields.Duration($"{section}.minSyncPeriod", least);
            return minSyncPeriod > syncPeriod
                ? throw fields.Fault($"{section}.minSyncPeriod", $"{least} is longer than syncPeriod, {GoDuration.Print(syncPeriod)}")
                : (syncPeriod, minSyncPeriod);
        }
    }

    private static ConntrackOptions Conntrack(KubeProxyConfiguration.ConntrackSection section, FieldReader fields)
    {
        var perCore = fields.InRange("conntrack.maxPerCore", section.MaxPerCore, 0, int.MaxValue);
        var least = fields.InRange("conntrack.min", section.Min, 0, int.MaxValue);
        return new ConntrackOptions
        {
            Max = perCore is null && least is null ? null : MaxConnections(perCore ?? DefaultMaxPerCore, least ?? DefaultMinConnections),
            TcpEstablished = fields.Duration("conntrack.tcpEstablishedTimeout", section.TcpEstablishedTimeout),
            TcpCloseWait = fields.Duration("conntrack.tcpCloseWaitTimeout", section.TcpCloseWaitTimeout),
            TcpBeLiberal = section.TcpBeLiberal ?? false,
            Udp = fields.Duration("conntrack.udpTimeout", section.UdpTimeout),
            UdpStream = fields.Duration("conntrack.udpStreamTimeout", section.UdpStreamTimeout),
        };
    }

    /// <summary>As kube-proxy's getConntrackMax: 0 per core leaves it as it is, whatever the least is.</summary>
    private static int? MaxConnections(int perCore, int least)
    {
        if (perCore == 0)
            return null;
        var scaled = (long)perCore * Environment.ProcessorCount;
        return scaled > MostScaledConnections ? MostScaledConnections : Math.Max((int)scaled, least);
    }

    private static AgentOptions Detection(KubeProxyConfiguration config, AgentOptions options, FieldReader fields)
    {
        var detect = config.DetectLocal ?? new();
        return config.DetectLocalMode switch
        {
            null or "" => options,
            "ClusterCIDR" when !options.ClusterCidrs.IsEmpty => options with { DetectLocal = LocalDetection.ClusterCidr },
            "ClusterCIDR" => throw fields.Fault("clusterCIDR", "is missing, and detectLocalMode ClusterCIDR needs it"),
            "NodeCIDR" => options with { DetectLocal = LocalDetection.NodeCidr },
            "BridgeInterface" => options with
            {
                DetectLocal = LocalDetection.BridgeInterface,
                DetectLocalInterface = Interface("detectLocal.bridgeInterface", detect.BridgeInterface),
            },
            "InterfaceNamePrefix" => options with
            {
                DetectLocal = LocalDetection.InterfaceNamePrefix,
                DetectLocalInterface = Interface("detectLocal.interfaceNamePrefix", detect.InterfaceNamePrefix),
            },
            var other => throw fields.Fault(
                "detectLocalMode", $"\"{other}\" is unknown: use ClusterCIDR, NodeCIDR, BridgeInterface or InterfaceNamePrefix"),
        };

        string Interface(string field, string? name)
        {
            if (string.IsNullOrEmpty(name))
                throw fields.Fault(field, $"is missing, and detectLocalMode {config.DetectLocalMode} needs it");
            // What the kernel lets a link be called (net/core/dev.c, dev_valid_name), less what would end a word in a rule.
            return name.Length <= LongestInterfaceName && name.All(c => c is > ' ' and < (char)127 and not ('/' or ':' or '"' or '\'' or '\\' or '+' or '*'))
                ? name
                : throw fields.Fault(field, $"\"{name}\" is no name of a link");
        }
    }
}
