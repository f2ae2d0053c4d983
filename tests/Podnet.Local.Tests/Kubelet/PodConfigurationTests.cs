using System.Text.Json.Nodes;
using k8s.Models;
using Podnet.Local.Images;
using Podnet.Local.Kubelet;

namespace Podnet.Local.Tests.Kubelet;

public class PodConfigurationTests
{
    // Rows of k8s.io/kubernetes/third_party/forked/golang/expansion, expand_test.go.
    [Theory]
    [InlineData("$(VAR_A)", "A")]
    [InlineData("___$(VAR_B)___", "___B___")]
    [InlineData("$(VAR_A)-$(VAR_B)", "A-B")]
    [InlineData("$$(VAR_A)", "$(VAR_A)")]
    [InlineData("$$$(VAR_A)", "$A")]
    [InlineData("$(VAR_UNKNOWN)", "$(VAR_UNKNOWN)")]
    [InlineData("$VAR_A", "$VAR_A")]
    [InlineData("$(VAR_A", "$(VAR_A")]
    [InlineData("f000-$(VAR_A", "f000-$(VAR_A")]
    [InlineData("trailing$", "trailing$")]
    [InlineData("$()", "$()")]
    public void References_expand_as_kubernetes_expands_them(string text, string expected)
    {
        var variables = new Dictionary<string, string> { ["VAR_A"] = "A", ["VAR_B"] = "B" };
        Assert.Equal(expected, VariableExpansion.Expand(text, variables));
    }

    // The table of "Define a Command and Arguments for a Container".
    [Theory]
    [InlineData(null, null, "entry default")]
    [InlineData("own", null, "own")]
    [InlineData(null, "args", "entry args")]
    [InlineData("own", "args", "own args")]
    public void A_command_replaces_the_images_and_its_arguments(string? command, string? arguments, string expected)
    {
        var image = new ContainerImage("test", ["entry"], ["default"], [], 15);
        var container = new V1Container { Name = "c", Command = command is null ? null : [command], Args = arguments is null ? null : [arguments] };
        Assert.Equal(expected, string.Join(' ', ContainerConfig.Command(container, image, new Dictionary<string, string>())));
    }

    [Theory]
    [InlineData("nginx", "program:/usr/sbin/nginx")]
    [InlineData("docker.io/library/nginx:1.25", "program:/usr/sbin/nginx")]
    [InlineData("registry.example.org/web/nginx", "program:/usr/sbin/nginx")]
    [InlineData("localhost:5000/web/nginx", null)]
    [InlineData("nginx@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", null)]
    [InlineData("no-such-thing", null)]
    public void A_program_is_what_a_name_ends_with_unless_it_asks_for_what_no_program_can_be(string image, string? source) =>
        Assert.Equal(source, MachineImages.Find(ImageReference.Parse(image))?.Source);

    [Fact]
    public void What_a_pod_asks_of_the_network_is_told_to_the_plugin()
    {
        var pod = new V1Pod
        {
            Metadata = new V1ObjectMeta
            {
                Name = "web-0",
                Annotations = new Dictionary<string, string>
                {
                    ["podnet.dev/pod-ip"] = "10.240.0.28",
                    ["kubernetes.io/ingress-bandwidth"] = "10M",
                    ["kubernetes.io/egress-bandwidth"] = "1500k",
                },
            },
            Spec = new V1PodSpec
            {
                Containers =
                [
                    new V1Container { Name = "a", Ports = [new V1ContainerPort { ContainerPort = 80, HostPort = 8080, Protocol = "TCP" }, new V1ContainerPort { ContainerPort = 81 }] },
                    new V1Container { Name = "b", Ports = [new V1ContainerPort { ContainerPort = 53, HostPort = 5353, Protocol = "UDP", HostIP = "127.0.0.1" }] },
                ],
            },
        };
        Assert.Equal(
            """{"ips":["10.240.0.28"],"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp","hostIP":""},{"hostPort":5353,"containerPort":53,"protocol":"udp","hostIP":"127.0.0.1"}],"bandwidth":{"ingressRate":10000000,"egressRate":1500000}}""",
            pod.RuntimeConfig().ToJsonString());
        pod.Metadata.Annotations = null;
        pod.Spec.Containers = [new V1Container { Name = "a" }];
        Assert.Equal("{}", pod.RuntimeConfig().ToJsonString());
    }

    [Theory]
    [InlineData("fast")]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("-10M")]
    [InlineData("2P")]
    public void A_bandwidth_that_is_none_is_said_by_its_annotation(string text)
    {
        var pod = new V1Pod
        {
            Metadata = new V1ObjectMeta { Name = "web-0", Annotations = new Dictionary<string, string> { ["kubernetes.io/egress-bandwidth"] = text } },
            Spec = new V1PodSpec { Containers = [] },
        };
        Assert.Contains($"kubernetes.io/egress-bandwidth: \"{text}\"", Assert.Throws<CniException>(pod.RuntimeConfig).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nginx:1.25", "Never", null)]
    [InlineData("127.0.0.1:1/no-such-thing:2", "Always", null)] // skopeo may find it
    [InlineData("example.org/no-such-thing:2", "Never", "there is no program no-such-thing on this machine")]
    [InlineData("No Such Thing", "Always", "couldn't parse image name")]
    public void An_image_that_nobody_can_have_is_said_before_there_is_a_cluster(string image, string policy, string? fault)
    {
        var reason = ImageService.WhyNot(image, policy, new ImageStore("/nonexistent"));
        if (fault is null)
            Assert.Null(reason);
        else
            Assert.Contains(fault, reason);
    }

    [Fact]
    public void Restarts_wait_not_at_all_then_twice_as_long_each_time_until_it_ran_long_enough()
    {
        var backoff = Backoff.ForRestarts();
        var now = DateTimeOffset.UnixEpoch.AddYears(50);
        double[] waits = [.. Enumerable.Range(0, 8).Select(_ => backoff.Failed(now += TimeSpan.FromMinutes(1)).TotalSeconds)];
        Assert.Equal([0, 10, 20, 40, 80, 160, 300, 300], waits);
        Assert.Equal(300, backoff.Failed(now += TimeSpan.FromMinutes(10)).TotalSeconds);
        Assert.Equal(0, backoff.Failed(now + TimeSpan.FromMinutes(11)).TotalSeconds);
    }

    [Fact]
    public void Only_what_changed_is_sent_and_what_is_gone_is_taken_away()
    {
        var before = JsonNode.Parse("""{"phase":"Running","podIP":"10.0.0.1","conditions":[1]}""")!.AsObject();
        var now = JsonNode.Parse("""{"phase":"Running","conditions":[2]}""")!.AsObject();
        Assert.Equal("""{"conditions":[2],"podIP":null}""", PodStatusWriter.Difference(before, now).ToJsonString());
        Assert.Empty(PodStatusWriter.Difference(now, now));
    }

    private const string ClusterFirst = "nameserver 10.96.0.10\nsearch default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n";

    [Theory]
    [InlineData(null, false, ClusterFirst)]
    [InlineData("ClusterFirst", false, ClusterFirst)]
    [InlineData("ClusterFirst", true, "")]
    [InlineData("ClusterFirstWithHostNet", true, ClusterFirst)]
    [InlineData("Default", false, "")]
    [InlineData("None", false, "")]
    public void The_pods_dnsPolicy_says_who_resolves_names(string? policy, bool hostNetwork, string expected)
    {
        var pod = TestNode.Script("");
        (pod.Spec.DnsPolicy, pod.Spec.HostNetwork) = (policy, hostNetwork);
        Assert.Equal(expected, pod.ResolvFile(["10.96.0.10"]));
    }

    [Theory]
    [InlineData("None", "nameserver 10.0.0.53\nsearch example.org\noptions ndots:2 edns0\n")]
    [InlineData("ClusterFirst", "nameserver 10.96.0.10\nnameserver 10.0.0.53\nsearch default.svc.cluster.local svc.cluster.local cluster.local example.org\noptions ndots:2 edns0\n")]
    public void The_pods_dnsConfig_is_added_and_its_options_win(string policy, string expected)
    {
        var pod = TestNode.Script("");
        pod.Spec.DnsPolicy = policy;
        pod.Spec.DnsConfig = new V1PodDNSConfig
        {
            Nameservers = ["10.0.0.53"],
            Searches = ["example.org"],
            Options = [new V1PodDNSConfigOption { Name = "ndots", Value = "2" }, new V1PodDNSConfigOption { Name = "edns0" }],
        };
        Assert.Equal(expected, pod.ResolvFile(["10.96.0.10"]));
    }
}
