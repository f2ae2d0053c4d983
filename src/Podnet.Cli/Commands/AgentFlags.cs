using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using Podnet.Agent.Config;

namespace Podnet.Cli.Commands;

/// <summary>kube-proxy's flags (cmd/kube-proxy/app/options.go) that mean something to Podnet, each of them a field of kube-proxy's config file.</summary>
internal sealed partial class AgentFlags
{
    private readonly List<(string Field, Option Option)> _flags = [];

    private readonly Option<string?> _kubeconfig;
    private readonly Option<string?> _bindAddress;
    private readonly Option<string?> _healthz;
    private readonly Option<string?> _metrics;
    private readonly Option<bool?> _hardFail;
    private readonly Option<string?> _mode;
    private readonly Option<int?> _masqueradeBit;
    private readonly Option<bool?> _masqueradeAll;
    private readonly Option<bool?> _localhostNodePorts;
    private readonly Option<string?> _syncPeriod;
    private readonly Option<string?> _minSyncPeriod;
    private readonly Option<string?> _detectLocalMode;
    private readonly Option<string?> _bridge;
    private readonly Option<string?> _prefix;
    private readonly Option<string?> _clusterCidr;
    private readonly Option<string[]> _nodePortAddresses;
    private readonly Option<int?> _oomScoreAdj;
    private readonly Option<int?> _maxPerCore;
    private readonly Option<int?> _minConnections;
    private readonly Option<string?> _tcpEstablished;
    private readonly Option<string?> _tcpCloseWait;
    private readonly Option<bool?> _tcpBeLiberal;
    private readonly Option<string?> _udp;
    private readonly Option<string?> _udpStream;
    private readonly Option<string?> _configSyncPeriod;

    internal AgentFlags()
    {
        _kubeconfig = Add<string?>("clientConnection.kubeconfig", "--kubeconfig", "How to reach the API server. Without it: as a pod of the cluster, by its service account.");
        _bindAddress = Add<string?>("bindAddress", "--bind-address", "This node's IP address, instead of what its Node object says.");
        _healthz = Add<string?>("healthzBindAddress", "--healthz-bind-address", "Where /healthz and /livez are; empty for nowhere. Without it: 0.0.0.0:10256.");
        _metrics = Add<string?>("metricsBindAddress", "--metrics-bind-address", "Where /metrics is; empty for nowhere. Without it: 127.0.0.1:10249.");
        _hardFail = Add<bool?>("bindAddressHardFail", "--bind-address-hard-fail", "End where one of these two cannot be had.");
        _mode = Add<string?>("mode", "--proxy-mode", "How Services become kernel rules: nftables, or iptables as kube-proxy writes them. Without it: nftables.");
        _masqueradeBit = AddNumber("iptables.masqueradeBit", "--iptables-masquerade-bit", "The bit of the packet mark that asks for masquerade, 0 to 31. Without it: 14.");
        _masqueradeAll = Add<bool?>("iptables.masqueradeAll", "--masquerade-all", "Masquerade all traffic to cluster IPs.");
        _localhostNodePorts = Add<bool?>("iptables.localhostNodePorts", "--iptables-localhost-nodeports", "Node ports answer on 127.0.0.1, too (iptables mode). Without it: true.");
        _syncPeriod = Add<string?>("iptables.syncPeriod", "--iptables-sync-period", "How often everything is read back in full. Without it: 30s.");
        _minSyncPeriod = Add<string?>("iptables.minSyncPeriod", "--iptables-min-sync-period", "At least so long between two writes. Without it: as short as it may be.");
        _detectLocalMode = Add<string?>("detectLocalMode", "--detect-local-mode", "How pods' packets are told: ClusterCIDR, NodeCIDR, BridgeInterface or InterfaceNamePrefix.");
        _bridge = Add<string?>("detectLocal.bridgeInterface", "--pod-bridge-interface", "For BridgeInterface: the bridge.");
        _prefix = Add<string?>("detectLocal.interfaceNamePrefix", "--pod-interface-name-prefix", "For InterfaceNamePrefix: how pods' links begin.");
        _clusterCidr = Add<string?>("clusterCIDR", "--cluster-cidr", "What counts as pods, one CIDR a family, separated by a comma. Without it: the node's own pod CIDRs.");
        _nodePortAddresses = Add<string[]>("nodePortAddresses", "--nodeport-addresses", "Where node ports answer: CIDRs separated by commas, or primary. Without it: everywhere.");
        _oomScoreAdj = AddNumber("oomScoreAdj", "--oom-score-adj", "This process's oom_score_adj, -1000 to 1000. Without it: as it is.");
        _maxPerCore = AddNumber("conntrack.maxPerCore", "--conntrack-max-per-core", "Raise nf_conntrack_max to so many per core; 0 leaves it.");
        _minConnections = AddNumber("conntrack.min", "--conntrack-min", "At least so many, however few cores there are.");
        _tcpEstablished = Add<string?>("conntrack.tcpEstablishedTimeout", "--conntrack-tcp-timeout-established", "How long an idle TCP connection is remembered; 0 leaves it.");
        _tcpCloseWait = Add<string?>("conntrack.tcpCloseWaitTimeout", "--conntrack-tcp-timeout-close-wait", "The same for one in CLOSE_WAIT.");
        _tcpBeLiberal = Add<bool?>("conntrack.tcpBeLiberal", "--conntrack-tcp-be-liberal", "TCP packets out of their window are not invalid.");
        _udp = Add<string?>("conntrack.udpTimeout", "--conntrack-udp-timeout", "How long UDP without a reply is remembered; 0 leaves it.");
        _udpStream = Add<string?>("conntrack.udpStreamTimeout", "--conntrack-udp-timeout-stream", "How long UDP with replies is remembered; 0 leaves it.");
        _configSyncPeriod = Add<string?>("configSyncPeriod", "--config-sync-period", "Checked, and of no effect: watches need no refresh.");
    }

    internal IEnumerable<Option> Options => _flags.Select(flag => flag.Option);

    /// <summary>Those that say what becomes of Services, for who writes rules and does not stay to serve anything.</summary>
    internal IEnumerable<Option> ServiceOptions =>
    [
        _mode, _clusterCidr, _detectLocalMode, _bridge, _prefix, _nodePortAddresses, _localhostNodePorts, _masqueradeAll, _masqueradeBit, _bindAddress,
    ];

    internal string? Kubeconfig(ParseResult parsed) => parsed.GetValue(_kubeconfig);

    /// <summary>Those that a config file makes void, as in kube-proxy. (The kubeconfig counts where the file names none.)</summary>
    internal IEnumerable<string> Void(ParseResult parsed) =>
        _flags.Where(flag => flag.Option != _kubeconfig && parsed.GetResult(flag.Option) is { Implicit: false }).Select(flag => flag.Option.Name);

    internal KubeProxyConfiguration Read(ParseResult parsed, string? nodeName) => new()
    {
        HostnameOverride = nodeName,
        ClientConnection = new() { Kubeconfig = parsed.GetValue(_kubeconfig) },
        BindAddress = parsed.GetValue(_bindAddress),
        HealthzBindAddress = parsed.GetValue(_healthz),
        MetricsBindAddress = parsed.GetValue(_metrics),
        BindAddressHardFail = parsed.GetValue(_hardFail),
        Mode = parsed.GetValue(_mode),
        // As in kube-proxy: what iptables is part of in name, is for nftables mode, too, but for the bit of the mark.
        Iptables = new()
        {
            MasqueradeBit = parsed.GetValue(_masqueradeBit),
            MasqueradeAll = parsed.GetValue(_masqueradeAll),
            LocalhostNodePorts = parsed.GetValue(_localhostNodePorts),
            SyncPeriod = parsed.GetValue(_syncPeriod),
            MinSyncPeriod = parsed.GetValue(_minSyncPeriod),
        },
        Nftables = new()
        {
            MasqueradeAll = parsed.GetValue(_masqueradeAll),
            SyncPeriod = parsed.GetValue(_syncPeriod),
            MinSyncPeriod = parsed.GetValue(_minSyncPeriod),
        },
        DetectLocalMode = parsed.GetValue(_detectLocalMode),
        DetectLocal = new() { BridgeInterface = parsed.GetValue(_bridge), InterfaceNamePrefix = parsed.GetValue(_prefix) },
        ClusterCidr = parsed.GetValue(_clusterCidr),
        NodePortAddresses = [.. (parsed.GetValue(_nodePortAddresses) ?? []).SelectMany(list => list.Split(',', StringSplitOptions.TrimEntries))],
        OomScoreAdj = parsed.GetValue(_oomScoreAdj),
        Conntrack = new()
        {
            MaxPerCore = parsed.GetValue(_maxPerCore),
            Min = parsed.GetValue(_minConnections),
            TcpEstablishedTimeout = parsed.GetValue(_tcpEstablished),
            TcpCloseWaitTimeout = parsed.GetValue(_tcpCloseWait),
            TcpBeLiberal = parsed.GetValue(_tcpBeLiberal),
            UdpTimeout = parsed.GetValue(_udp),
            UdpStreamTimeout = parsed.GetValue(_udpStream),
        },
        ConfigSyncPeriod = parsed.GetValue(_configSyncPeriod),
    };

    /// <summary>The error for a field of what was read, by the flag's name.</summary>
    internal UserError Fault(string field, string what)
    {
        var plain = Index().Replace(field, "").Replace("nftables.", "iptables.", StringComparison.Ordinal);
        var flag = field == "hostnameOverride" ? "--node-name" : _flags.Find(one => one.Field == plain).Option?.Name ?? field;
        return new UserError($"{flag}: {what}", exitCode: 2);
    }

    [GeneratedRegex(@"\[\d+\]", RegexOptions.CultureInvariant)]
    private static partial Regex Index();

    private Option<int?> AddNumber(string field, string name, string description)
    {
        var option = Add<int?>(field, name, description);
        // The library's own words name a .NET type.
        option.CustomParser = result =>
        {
            var text = result.Tokens.Single().Value;
            if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
                return number;
            result.AddError($"{name}: \"{text}\" is no whole number.");
            return null;
        };
        return option;
    }

    private Option<T> Add<T>(string field, string name, string description)
    {
        var option = new Option<T>(name) { Description = description };
        _flags.Add((field, option));
        return option;
    }
}
