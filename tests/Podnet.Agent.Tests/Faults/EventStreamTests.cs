using CsCheck;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Podnet.Core.Model;
using Podnet.Kubernetes;
using Podnet.Testing;

namespace Podnet.Agent.Tests.Faults;

/// <summary>Whatever the API server told in between, the node ends with the rules of what it told last.</summary>
public sealed class EventStreamTests
{
    /// <summary>Arbitrary: each round takes some ten kernel transactions.</summary>
    private const int Rounds = 12;

    private const int Names = 4;

    /// <summary>An object (Services, then their slices, then the Node) and its version, 0 for none; several make one write.</summary>
    private static readonly Gen<(int Object, int Version)[][]> Stream =
        Gen.Select(Gen.Int[0, (2 * Names)], Gen.Int[0, 4]).Array[1, 6].Array[1, 8];

    [Theory]
    [InlineData(ProxyMode.Iptables)]
    [InlineData(ProxyMode.Nftables)]
    public void Any_stream_of_events_ends_in_the_rules_of_the_last_objects_and_a_second_pass_changes_nothing(ProxyMode mode) =>
        Stream.Sample(
            stream =>
            {
                var last = new Dictionary<int, int>();
                foreach (var (thing, version) in stream.SelectMany(events => events))
                    last[thing] = version;
                var replayed = Write(mode, stream);
                // In another order, each twice, all in one.
                var fresh = Write(mode, [[.. last.Reverse().Concat(last).Select(each => (each.Key, each.Value))]]);
                Assert.Equal(fresh.Rules, replayed.Rules);
                Assert.All(replayed.Second, Assert.Null);
            },
            iter: Rounds, threads: 1);

    private static (string[] Rules, List<string?> Second) Write(ProxyMode mode, IEnumerable<(int Object, int Version)[]> stream)
    {
        using var kernel = new Kernel();
        return kernel.In(() =>
        {
            using var dataplane = new NodeDataplane(new AgentOptions("node-1", "/dev/null") { ProxyMode = mode, ClusterCidrs = [System.Net.IPNetwork.Parse("10.240.0.0/16")] });
            var builder = new ClusterStateBuilder(NullLogger.Instance);
            var (state, changes) = (ClusterState.Empty, ClusterChanges.None);
            Put(builder, 2 * Names, 1); // Without a Node there are no routes to compare.
            builder.Subscribe((now, what) => (state, changes) = (now, changes.Merge(what)));
            foreach (var events in stream)
            {
                foreach (var (thing, version) in events)
                    Put(builder, thing, version);
                foreach (var part in dataplane.Parts)
                    part.Apply(state, changes, readBack: false);
                changes = ClusterChanges.None;
            }
            var rules = Rules(mode);
            return (rules, dataplane.Parts.Select(part => part.Apply(state, ClusterChanges.Everything, readBack: true)).ToList());
        });
    }

    /// <summary>Sorted: rules of different Services, and elements, have no order among each other.</summary>
    private static string[] Rules(ProxyMode mode) => [.. (mode == ProxyMode.Iptables
        ? Tool.Run("iptables-save").Split('\n').Where(line => line.Length > 0 && line[0] != '#')
            .Select(line => line[0] == ':' ? line.Split(' ')[0] : line)
        : Tool.Run("nft", "-s", "list", "table", "ip", "podnet").Split('\n', ',').Select(line => line.Trim().Replace("elements = { ", "", StringComparison.Ordinal).TrimEnd(' ', '}')))
        .Where(line => line.Length > 0).Order(StringComparer.Ordinal)];

    private static void Put(ClusterStateBuilder builder, int thing, int version)
    {
        var name = $"s{thing % Names}";
        if (thing == 2 * Names)
            builder.Nodes.Put(Node(version));
        else if (thing < Names && version == 0)
            builder.Services.Remove(new ObjectName("default", name));
        else if (thing < Names)
            builder.Services.Put(Service(thing, version));
        else if (version == 0)
            builder.EndpointSlices.Remove(new ObjectName("default", name + "-a"));
        else
            builder.EndpointSlices.Put(Slice(name, version));
    }

    private static V1Service Service(int index, int version) => new()
    {
        Metadata = new() { Name = $"s{index}", NamespaceProperty = "default" },
        Spec = new()
        {
            Type = version >= 3 ? "NodePort" : "ClusterIP",
            ClusterIP = $"10.0.0.{index + 1}",
            ClusterIPs = [$"10.0.0.{index + 1}"],
            Ports = [new() { Name = "web", Port = 80 + version, Protocol = "TCP", NodePort = version >= 3 ? 30000 + index : null }],
            SessionAffinity = version == 2 ? "ClientIP" : "None",
            ExternalTrafficPolicy = version == 4 ? "Local" : null,
        },
    };

    private static V1EndpointSlice Slice(string service, int version) => new()
    {
        AddressType = "IPv4",
        Metadata = new() { Name = service + "-a", NamespaceProperty = "default", Labels = new Dictionary<string, string> { ["kubernetes.io/service-name"] = service } },
        Ports = [new() { Name = "web", Port = 8080, Protocol = "TCP" }],
        Endpoints = [.. Enumerable.Range(1, version).Select(i => new V1Endpoint
        {
            Addresses = [$"10.240.{service[1] - '0'}.{i}"],
            NodeName = i == 1 ? "node-1" : "node-2",
            Conditions = new() { Ready = i != 3 },
        })],
    };

    private static V1Node Node(int version) => new()
    {
        Metadata = new()
        {
            Name = "node-1",
            Labels = new Dictionary<string, string> { ["topology.kubernetes.io/zone"] = $"zone-{version / 2}" },
        },
        Spec = new() { PodCIDRs = ["10.240.0.0/24"] },
        Status = new() { Addresses = [new() { Type = "InternalIP", Address = "10.99.0.2" }] },
    };
}
