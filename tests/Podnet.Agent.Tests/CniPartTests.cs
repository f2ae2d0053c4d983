using System.Net;
using System.Text.Json.Nodes;
using Podnet.Core.Model;

namespace Podnet.Agent.Tests;

public sealed class CniPartTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("podnet-agent-test-").FullName;

    private int? _podMtu;

    private CniFiles Files => new($"{_folder}/net.d", $"{_folder}/run/pod-network.json");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Nothing_is_written_before_the_node_has_pod_cidrs()
    {
        var part = new CniPart("node-1", Files, () => _podMtu);
        Assert.Null(part.Apply(With("node-1"), ClusterChanges.Everything, readBack: true));
        Assert.Null(part.Apply(With("node-2", "10.240.0.64/27"), ClusterChanges.OfNodes, readBack: false));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));
    }

    [Fact]
    public void The_plugin_finds_the_nodes_own_pod_cidrs_through_the_list()
    {
        Assert.NotNull(new CniPart("node-1", Files, () => _podMtu).Apply(With("node-1", "10.240.0.32/27", "fd00:1::/64"), ClusterChanges.Everything, readBack: true));
        Assert.Equal(["10-podnet.conflist"], Directory.GetFiles($"{_folder}/net.d").Select(Path.GetFileName));
        var list = JsonNode.Parse(File.ReadAllText($"{_folder}/net.d/10-podnet.conflist"))!;
        Assert.Equal(("podnet", "1.0.0", "podnet-cni"), ((string)list["name"]!, (string)list["cniVersion"]!, (string)list["plugins"]![0]!["type"]!));
        var network = JsonNode.Parse(File.ReadAllText((string)list["plugins"]![0]!["podNetwork"]!))!;
        Assert.Equal("""["10.240.0.32/27","fd00:1::/64"]""", network["podCIDRs"]!.ToJsonString());
    }

    [Fact]
    public void The_plugin_is_told_the_MTU_and_when_it_changes()
    {
        _podMtu = 1450;
        var part = new CniPart("node-1", Files, () => _podMtu);
        part.Apply(With("node-1", "10.240.0.32/27"), ClusterChanges.Everything, readBack: true);
        Assert.Equal("""{"podCIDRs":["10.240.0.32/27"],"mtu":1450}""", JsonNode.Parse(File.ReadAllText(Files.PodNetworkFile))!.ToJsonString());
        _podMtu = 1500;
        Assert.NotNull(part.Repair());
        Assert.Equal(1500, (int)JsonNode.Parse(File.ReadAllText(Files.PodNetworkFile))!["mtu"]!);
    }

    [Fact]
    public void A_second_look_writes_nothing_and_what_somebody_changed_is_put_back()
    {
        var part = new CniPart("node-1", Files, () => _podMtu);
        part.Apply(With("node-1", "10.240.0.32/27"), ClusterChanges.Everything, readBack: true);
        var before = File.ReadAllText($"{_folder}/net.d/10-podnet.conflist");
        Assert.Null(part.Repair());
        File.Delete(Files.PodNetworkFile);
        File.AppendAllText($"{_folder}/net.d/10-podnet.conflist", "x");
        Assert.NotNull(part.Repair());
        Assert.Equal(before, File.ReadAllText($"{_folder}/net.d/10-podnet.conflist"));
        Assert.True(File.Exists(Files.PodNetworkFile));
        // The Node is gone for a moment: the pods are not.
        Assert.Null(part.Apply(ClusterState.Empty, ClusterChanges.OfNodes, readBack: false));
        Assert.True(File.Exists(Files.PodNetworkFile));
        Assert.NotNull(part.Apply(With("node-1", "10.240.0.64/27"), ClusterChanges.OfNodes, readBack: false));
        Assert.Contains("10.240.0.64/27", File.ReadAllText(Files.PodNetworkFile), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoever_reads_them_meanwhile_reads_a_whole_file()
    {
        var part = new CniPart("node-1", Files, () => _podMtu);
        part.Apply(With("node-1", "10.240.0.32/27"), ClusterChanges.Everything, readBack: true);
        using var done = new CancellationTokenSource();
        var reader = Task.Run(() =>
        {
            var seen = new HashSet<int>();
            while (!done.IsCancellationRequested)
            {
                if (JsonNode.Parse(File.ReadAllText(Files.PodNetworkFile))!["mtu"] is { } mtu)
                    seen.Add((int)mtu);
            }

            return seen;
        });
        for (var i = 0; i < 200 || (i < 5000 && reader.Status == TaskStatus.WaitingToRun); i++)
        {
            _podMtu = 1400 + (i % 100);
            Assert.NotNull(part.Repair());
        }

        await done.CancelAsync();
        Assert.NotEmpty(await reader);
        Assert.Equal(["pod-network.json"], Directory.GetFiles($"{_folder}/run").Select(Path.GetFileName));
    }

    [Fact]
    public void Cleanup_takes_them_away_and_leaves_others()
    {
        new CniPart("node-1", Files, () => _podMtu).Apply(With("node-1", "10.240.0.32/27"), ClusterChanges.Everything, readBack: true);
        File.WriteAllText($"{_folder}/net.d/99-loopback.conf", "{}");
        Assert.Equal([$"{_folder}/net.d/10-podnet.conflist", $"{_folder}/run/pod-network.json"], Files.Remove());
        Assert.Equal(["99-loopback.conf"], Directory.GetFiles($"{_folder}/net.d").Select(Path.GetFileName));
        Assert.Empty(Files.Remove());
    }

    private static ClusterState With(string node, params string[] podCidrs) => ClusterState.Empty with
    {
        Nodes = ClusterState.Empty.Nodes.Add(node, new Node(node) { PodCidrs = [.. podCidrs.Select(IPNetwork.Parse)] }),
    };
}
