using System.Net;
using Podnet.Agent.Config;
using Podnet.Kubernetes.Manifests;

namespace Podnet.Agent.Tests.Config;

public sealed class AgentConfigurationTests
{
    private const string Head = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nclientConnection: {kubeconfig: /k}\n";

    /// <summary>As kubeadm writes it into the ConfigMap kube-system/kube-proxy.</summary>
    private const string OfKubeadm = """
        apiVersion: kubeproxy.config.k8s.io/v1alpha1
        bindAddress: 0.0.0.0
        bindAddressHardFail: false
        clientConnection:
          acceptContentTypes: ""
          burst: 0
          contentType: ""
          kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
          qps: 0
        clusterCIDR: 10.244.0.0/16
        configSyncPeriod: 0s
        conntrack:
          maxPerCore: null
          min: null
          tcpBeLiberal: false
          tcpCloseWaitTimeout: null
          tcpEstablishedTimeout: null
          udpStreamTimeout: 0s
          udpTimeout: 0s
        detectLocal:
          bridgeInterface: ""
          interfaceNamePrefix: ""
        detectLocalMode: ""
        enableProfiling: false
        healthzBindAddress: ""
        hostnameOverride: ""
        iptables:
          localhostNodePorts: null
          masqueradeAll: false
          masqueradeBit: null
          minSyncPeriod: 0s
          syncPeriod: 0s
        ipvs:
          excludeCIDRs: null
          minSyncPeriod: 0s
          scheduler: ""
          strictARP: false
          syncPeriod: 0s
          tcpFinTimeout: 0s
          tcpTimeout: 0s
          udpTimeout: 0s
        kind: KubeProxyConfiguration
        logging:
          flushFrequency: 0
          options:
            json:
              infoBufferSize: "0"
            text:
              infoBufferSize: "0"
          verbosity: 0
        metricsBindAddress: ""
        mode: ""
        nftables:
          masqueradeAll: false
          masqueradeBit: null
          minSyncPeriod: 0s
          syncPeriod: 0s
        nodePortAddresses: null
        oomScoreAdj: null
        portRange: ""
        showHiddenMetricsForVersion: ""
        winkernel:
          enableDSR: false
          forwardHealthCheckVip: false
          networkName: ""
          rootHnsEndpointName: ""
          sourceVip: ""
        """;

    [Fact]
    public void A_file_of_kubeadm_says_where_the_pods_and_the_server_are_and_leaves_the_rest_as_it_is()
    {
        var options = AgentConfiguration.Parse(OfKubeadm, "config.conf", "Node-1");

        var expected = new AgentOptions("node-1", "/var/lib/kube-proxy/kubeconfig.conf") { ClusterCidrs = [IPNetwork.Parse("10.244.0.0/16")], NodePortsOnPrimary = true };
        Assert.Equal(expected.ClusterCidrs.AsEnumerable(), options.ClusterCidrs);
        Assert.Equal(expected, options with { ClusterCidrs = expected.ClusterCidrs, NodePortNetworks = expected.NodePortNetworks });
    }

    [Fact]
    public void Json_is_read_as_well() => Assert.Equal(
        "node-7", AgentConfiguration.Parse(
            """{"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "hostnameOverride": "node-7"}""",
            "c.json", kubeconfig: "/k").NodeName);

    [Fact]
    public void Every_setting_arrives()
    {
        var options = AgentConfiguration.Parse(Head + """
            hostnameOverride: a
            bindAddress: fd00::7
            metricsBindAddress: "[::]:9999"
            bindAddressHardFail: true
            mode: iptables
            iptables: {masqueradeBit: 3, masqueradeAll: true, localhostNodePorts: false, syncPeriod: 1m30s, minSyncPeriod: 250ms}
            detectLocalMode: BridgeInterface
            detectLocal: {bridgeInterface: cbr0}
            nodePortAddresses: [primary, 10.99.0.0/24]
            oomScoreAdj: -998
            conntrack: {maxPerCore: 0, min: 5, tcpEstablishedTimeout: 2h, tcpCloseWaitTimeout: 1m, tcpBeLiberal: true, udpTimeout: 40s, udpStreamTimeout: 0s}
            logging: {verbosity: 5}
            """, "c.yaml");

        Assert.Equal((3, true, false), (options.MasqueradeBit, options.MasqueradeAll, options.LocalhostNodePorts));
        Assert.Equal((TimeSpan.FromSeconds(90), TimeSpan.FromMilliseconds(250)), (options.SyncPeriod, options.MinSyncPeriod));
        Assert.Equal((LocalDetection.BridgeInterface, "cbr0"), (options.DetectLocal, options.DetectLocalInterface));
        Assert.Equal(("fd00::7", "[::]:10256", "[::]:9999"), (options.NodeIP?.ToString(), options.HealthzAddress?.ToString(), options.MetricsAddress?.ToString()));
        Assert.True(options.NodePortsOnPrimary && options.BindAddressHardFail);
        Assert.Equal([IPNetwork.Parse("10.99.0.0/24")], options.NodePortNetworks);
        Assert.Equal((-998, Microsoft.Extensions.Logging.LogLevel.Debug), (options.OomScoreAdjust, options.LogLevel));
        Assert.Equal(
            new ConntrackOptions { TcpEstablished = TimeSpan.FromHours(2), TcpCloseWait = TimeSpan.FromMinutes(1), TcpBeLiberal = true, Udp = TimeSpan.FromSeconds(40) },
            options.Conntrack);
    }

    [Fact]
    public void Only_a_flag_can_say_that_there_shall_be_no_metrics()
    {
        var file = AgentConfiguration.Parse(Head + "metricsBindAddress: \"\"", "c.yaml");
        var flags = AgentConfiguration.Build(
            new KubeProxyConfiguration { ClientConnection = new() { Kubeconfig = "/k" }, MetricsBindAddress = "" }, (field, what) => new InvalidOperationException(field + what));

        Assert.Equal("127.0.0.1:10249", file.MetricsAddress?.ToString());
        Assert.Null(flags.MetricsAddress);
    }

    [Theory]
    [InlineData("mode: ipvs", "4:1: mode: ipvs is a mode that Podnet has not")]
    [InlineData("mode: kernelspace", "4:1: mode: kernelspace is a mode that Podnet has not")]
    [InlineData("mode: iptable", "4:1: mode: \"iptable\" is unknown")]
    [InlineData("moode: iptables", "4:1: moode: unknown field of KubeProxyConfiguration (did you mean mode?)")]
    [InlineData("iptables:\n  masqueradeBit: 32", "5:3: iptables.masqueradeBit: 32 is not in 0 to 31")]
    [InlineData("iptables:\n  masqueradeBit: x", "5:18: iptables.masqueradeBit: is \"x\", a string, not an integer")]
    [InlineData("iptables: {syncPeriod: -5s}", "4:12: iptables.syncPeriod: -5s is negative")]
    [InlineData("iptables: {syncPeriod: 5}", "iptables.syncPeriod: is 5, a number, not a string: put it in quotes")]
    [InlineData("iptables: {syncPeriod: 5 s}", "iptables.syncPeriod: \"5 s\" is no duration")]
    [InlineData("iptables: {syncPeriod: 1s, minSyncPeriod: 2s}", "4:28: iptables.minSyncPeriod: 2s is longer than syncPeriod, 1s")]
    [InlineData("clusterCIDR: 10.244.0.0", "4:1: clusterCIDR: \"10.244.0.0\" is no CIDR")]
    [InlineData("clusterCIDR: 10.0.0.0/16,10.1.0.0/16", "clusterCIDR: \"10.0.0.0/16,10.1.0.0/16\" has more than one CIDR of a family")]
    [InlineData("detectLocalMode: ClusterCIDR", "clusterCIDR: is missing, and detectLocalMode ClusterCIDR needs it")]
    [InlineData("detectLocalMode: BridgeInterface", "detectLocal.bridgeInterface: is missing")]
    [InlineData("detectLocalMode: InterfaceNamePrefix\ndetectLocal: {interfaceNamePrefix: \"a b\"}", "5:15: detectLocal.interfaceNamePrefix: \"a b\" is no name of a link")]
    [InlineData("detectLocalMode: Node", "detectLocalMode: \"Node\" is unknown")]
    [InlineData("nodePortAddresses: [10.0.0.0/8, secondary]", "4:33: nodePortAddresses[1]: \"secondary\" is no CIDR")]
    [InlineData("metricsBindAddress: localhost:10249", "metricsBindAddress: \"localhost:10249\" is no address and port")]
    [InlineData("healthzBindAddress: 0.0.0.0:0", "healthzBindAddress: \"0\" is no port")]
    [InlineData("healthzBindAddress: \"::1:10256:\"", "healthzBindAddress")]
    [InlineData("bindAddress: node-1", "bindAddress: \"node-1\" is no IP address")]
    [InlineData("oomScoreAdj: -1001", "oomScoreAdj: -1001 is not in -1000 to 1000")]
    [InlineData("conntrack: {maxPerCore: -1}", "conntrack.maxPerCore: -1 is not in 0 to")]
    [InlineData("conntrack: {udpTimeout: -1s}", "conntrack.udpTimeout: -1s is negative")]
    [InlineData("enableProfiling: true", "enableProfiling: Podnet has no /debug/pprof")]
    [InlineData("configSyncPeriod: soon", "configSyncPeriod: \"soon\" is no duration")]
    public void What_cannot_be_is_refused_by_name_and_place(string line, string expected)
    {
        var fault = Assert.Throws<ManifestException>(() => AgentConfiguration.Parse(Head + line, "c.yaml"));

        Assert.StartsWith("c.yaml:", fault.Message, StringComparison.Ordinal);
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("kind: KubeProxyConfiguration", "apiVersion: is missing")]
    [InlineData("apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeletConfiguration", "2:1: kind: \"KubeletConfiguration\" is unknown")]
    public void A_file_that_is_something_else_is_refused(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<ManifestException>(() => AgentConfiguration.Parse(text, "c.yaml")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("1h0m0s", 3600)]
    [InlineData("1.5s", 1.5)]
    [InlineData("100us", 0.0001)]
    [InlineData("2h22m", 8520)]
    [InlineData("0", 0)]
    public void A_duration_is_read_as_go_reads_it_and_printed_as_go_prints_it(string text, double seconds)
    {
        Assert.True(GoDuration.TryParse(text, out var duration));
        Assert.Equal(seconds, duration.TotalSeconds, 9);
        Assert.True(GoDuration.TryParse(GoDuration.Print(duration), out var again));
        Assert.Equal(duration, again);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("5")]
    [InlineData("s")]
    [InlineData("1d")]
    [InlineData("1s2")]
    [InlineData("1..5s")]
    [InlineData("9999999h")]
    public void What_go_reads_as_no_duration_is_none(string text) => Assert.False(GoDuration.TryParse(text, out _));
}
