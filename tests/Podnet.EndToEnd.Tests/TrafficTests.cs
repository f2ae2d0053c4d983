using System.Globalization;
using System.Net;
using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.EndToEnd.Tests;

[Collection(nameof(NginxCase))]
public sealed class TrafficTests(NginxCase nginx)
{
    private const int Count = 2000;
    private static readonly IPEndPoint ClusterIP = IPEndPoint.Parse("10.0.33.45:80");

    private readonly LocalCluster _cluster = nginx.Cluster;

    [Theory]
    [InlineData("pod/nginx-0")]
    [InlineData("pod/nginx-1")]
    [InlineData("node/node-1")]
    [InlineData("node/node-2")]
    public void Two_thousand_requests_to_the_cluster_IP_all_succeed_and_are_split_evenly(string from)
    {
        using var client = Open(from);
        AssertAllSucceedEvenly(client, ClusterIP);
    }

    [Fact]
    public void Two_thousand_requests_from_outside_to_a_node_port_all_succeed_and_are_split_evenly()
    {
        _cluster.Kubectl("expose", "service", "nginx", "--name=nginx-outside", "--type=NodePort", "--port=80");
        try
        {
            var port = int.Parse(
                _cluster.Kubectl("get", "service", "nginx-outside", "-o", "jsonpath={.spec.ports[0].nodePort}"), CultureInfo.InvariantCulture);
            using var outside = Open("outside");
            var target = new IPEndPoint(IPAddress.Parse("10.99.0.2"), port);
            Poll.Until(() => Requests.Send(outside, target, 1, "/").Failed == 0, () => $"the node port {port} never answered");
            AssertAllSucceedEvenly(outside, target);
        }
        finally
        {
            _cluster.Kubectl("delete", "service", "nginx-outside");
        }
    }

    [Fact]
    public void The_server_on_another_node_sees_the_client_pods_own_address()
    {
        using var pod = Open("pod/nginx-0");
        var (failed, first) = Requests.Send(pod, IPEndPoint.Parse("10.240.0.57:80"), 1, "/?across-nodes");
        Assert.True(failed == 0, first);
        var line = Assert.Single(_cluster.AccessLog("nginx-1"), l => l.Contains("across-nodes", StringComparison.Ordinal));
        Assert.StartsWith("10.240.0.28 ", line, StringComparison.Ordinal);
    }

    private void AssertAllSucceedEvenly(NetworkNamespace client, IPEndPoint target)
    {
        var mark = $"/?{Guid.NewGuid():N}";
        var (failed, first) = Requests.Send(client, target, Count, mark);
        Assert.True(failed == 0, $"{failed} of {Count} failed, the first: {first}");
        int Served(string pod) => _cluster.AccessLog(pod).Count(line => line.Contains(mark, StringComparison.Ordinal));
        var shares = new[] { Served("nginx-0"), Served("nginx-1") };
        Assert.Equal(Count, shares.Sum());
        Assert.All(shares, share => Assert.InRange(share, 0.44 * Count, 0.56 * Count));
    }

    private NetworkNamespace Open(string what) => what.Split('/') switch
    {
        ["node", var node] => _cluster.Paths.OpenNode(node),
        ["pod", var pod] => NetworkNamespace.OfProcess(_cluster.Paths.SandboxPid("default", pod) ?? throw new InvalidOperationException($"{pod} has no sandbox")),
        _ => NetworkNamespace.OpenNamed(_cluster.Paths.OutsideNamespace),
    };
}
