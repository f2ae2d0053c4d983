using System.Net;
using Podnet.Core.Model;
using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.Agent.Tests.Faults;

/// <summary>ENOBUFS, for real: the kernel takes questions, but no transaction, neither the agent's own nor one of iptables-restore.</summary>
public sealed class RefusedTransactionTests : IDisposable
{
    /// <summary>In bytes: above any question that the agent asks the kernel, below the smallest change of a Service.</summary>
    private const int LongestQuestion = 150;

    private static readonly ObjectName Web = new("default", "web");
    private static readonly ClusterChanges OfWeb = ClusterChanges.OfServices(Web);

    private readonly Kernel _kernel = new();

    public void Dispose() => _kernel.Dispose();

    [Theory]
    [InlineData(ProxyMode.Nftables)]
    [InlineData(ProxyMode.Iptables)]
    public void ENOBUFS_changes_nothing_and_the_change_goes_in_with_the_next_pass(ProxyMode mode)
    {
        using var dataplane = Start(mode, State("10.240.0.1"));
        var before = Rules(mode);

        Refused(dataplane, part => part.Apply(State("10.240.0.2", "10.240.0.3"), OfWeb, readBack: false));

        Assert.Equal(before, Rules(mode));
        // As the loop does with a part that failed.
        _kernel.In(() => Services(dataplane).Apply(State("10.240.0.2", "10.240.0.3"), OfWeb, readBack: true));
        AssertConverged(mode, State("10.240.0.2", "10.240.0.3"));
    }

    [Theory]
    [InlineData(ProxyMode.Nftables)]
    [InlineData(ProxyMode.Iptables)]
    public void A_change_that_ENOBUFS_kept_out_goes_in_with_the_next_change_of_another_Service(ProxyMode mode)
    {
        using var dataplane = Start(mode, State("10.240.0.1"));
        Refused(dataplane, part => part.Apply(State("10.240.0.2"), OfWeb, readBack: false));

        var other = new ObjectName("default", "other");
        var state = State("10.240.0.2");
        state = state with { Services = state.Services.Add(other, state.Services[Web] with { Name = other, ClusterIPs = [IPAddress.Parse("10.0.33.46")] }) };
        _kernel.In(() => Services(dataplane).Apply(state, ClusterChanges.OfServices(other), readBack: false));

        AssertConverged(mode, state);
    }

    [Theory]
    [InlineData(ProxyMode.Nftables)]
    [InlineData(ProxyMode.Iptables)]
    public void A_repair_that_ENOBUFS_kept_out_is_made_good_by_the_next_pass(ProxyMode mode)
    {
        using var dataplane = Start(mode, State("10.240.0.1"));
        if (mode == ProxyMode.Nftables)
            _kernel.Run("nft", "flush map ip podnet services");
        else
            _kernel.Run("iptables", "-t", "nat", "-F", "KUBE-SERVICES");

        Refused(dataplane, part => part.Repair());

        _kernel.In(() => Services(dataplane).Apply(State("10.240.0.1"), ClusterChanges.None, readBack: true));
        AssertConverged(mode, State("10.240.0.1"));
    }

    private NodeDataplane Start(ProxyMode mode, ClusterState state)
    {
        var dataplane = new NodeDataplane(new AgentOptions("node-1", "/dev/null") { ProxyMode = mode });
        _kernel.In(() => Services(dataplane).Apply(state, ClusterChanges.Everything, readBack: true));
        return dataplane;
    }

    private void Refused(NodeDataplane dataplane, Func<IDataplanePart, string?> work) => _kernel.In(() =>
    {
        RefusedSends.FromThisThreadOn(LongestQuestion);
        var refused = Assert.ThrowsAny<IOException>(() => work(Services(dataplane)));
        if (refused is KernelException kernel)
            Assert.Equal(Errno.NoBufferSpace, kernel.Errno);
        else
            Assert.Contains("No buffer space available", refused.Message, StringComparison.Ordinal);
    });

    private static IDataplanePart Services(NodeDataplane dataplane) => dataplane.Parts.OfType<IServicesPart>().First(part => part.Families is [IPFamily.V4]);

    /// <summary>The rules are those of a node that never knew anything else.</summary>
    private void AssertConverged(ProxyMode mode, ClusterState state)
    {
        using var fresh = new RefusedTransactionTests();
        using var dataplane = fresh.Start(mode, state);
        Assert.Equal(fresh.Rules(mode), Rules(mode));
    }

    /// <summary>Sorted: the elements of a map have no order among each other.</summary>
    private string[] Rules(ProxyMode mode) => [.. (mode == ProxyMode.Iptables
        ? _kernel.Run("iptables-save").Split('\n').Where(line => !line.StartsWith('#')).Select(line => line.StartsWith(':') ? line.Split(' ')[0] : line)
        : _kernel.Run("nft", "-s", "list", "table", "ip", "podnet").Split('\n', ',').Select(line => line.Replace("elements =", "", StringComparison.Ordinal).Trim(' ', '\t', '{', '}')))
        .Where(line => line.Length > 0).Order(StringComparer.Ordinal)];

    private static ClusterState State(params string[] endpoints) => ClusterState.Empty with
    {
        Services = ClusterState.Empty.Services.Add(Web, new Service(Web)
        {
            ClusterIPs = [IPAddress.Parse("10.0.33.45")],
            Ports = [new("http", Protocol.Tcp, 80, 0)],
        }),
        EndpointSlices = EndpointSliceIndex.Of(new EndpointSlice(Web, Web)
        {
            Ports = [new("http", Protocol.Tcp, 8080)],
            Endpoints = [.. endpoints.Select(address => new Endpoint(IPAddress.Parse(address)))],
        }),
    };
}
