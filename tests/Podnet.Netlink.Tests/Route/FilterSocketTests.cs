using Podnet.Testing;

namespace Podnet.Netlink.Tests;

/// <summary>What <c>tc</c> made, read back; what is sent, seen by <c>tc</c>.</summary>
public sealed class FilterSocketTests
{
    [Fact]
    public void Queues_and_filters_are_those_that_tc_made()
    {
        using var kernel = new Kernel();
        kernel.Run("ip", "link", "add", "d0", "up", "type", "veth", "peer", "name", "d1");
        kernel.Run("tc", "qdisc", "add", "dev", "d0", "root", "tbf", "rate", "8mbit", "burst", "10kb", "latency", "100ms");
        kernel.Run("tc", "qdisc", "add", "dev", "d0", "clsact");
        kernel.Run("tc", "filter", "add", "dev", "d0", "egress", "pref", "7", "bpf", "bytecode", "1,6 0 0 0,");
        using var socket = RouteSocket.OpenIn(kernel.Namespace);
        var (link, other) = (socket.GetLink("d0").Index, socket.GetLink("d1").Index);
        Assert.Contains(new LinkQueue(link, IsRoot: true, "tbf"), socket.Queues());
        Assert.Contains(new LinkQueue(link, IsRoot: false, "clsact"), socket.Queues());
        Assert.Empty(socket.Programs(link)); // they are for what comes in
        Assert.True(socket.HasFilters(link));
        Assert.Empty(socket.Programs(other));
        Assert.False(socket.HasFilters(other));
        kernel.Run("tc", "filter", "add", "dev", "d0", "ingress", "pref", "9", "handle", "3", "bpf", "bytecode", "1,6 0 0 0,");
        Assert.Equal([new AttachedProgram(link, 3, 9)], socket.Programs(link));
        socket.Execute(new RouteRequests().DeleteProgram(new AttachedProgram(link, 3, 9)));
        Assert.Empty(socket.Programs(link));
        socket.Execute(new RouteRequests().DeleteHooks(link).AddHooks(other));
        Assert.DoesNotContain("clsact", kernel.Run("tc", "qdisc", "show", "dev", "d0"), StringComparison.Ordinal);
        Assert.Contains("clsact", kernel.Run("tc", "qdisc", "show", "dev", "d1"), StringComparison.Ordinal);
    }

    [Fact]
    public void Whoever_listens_knows_that_links_and_filters_changed()
    {
        using var kernel = new Kernel();
        using var events = kernel.In(() => new LinkEvents());
        Assert.False(events.TakeAny());
        kernel.Run("ip", "link", "add", "d0", "up", "type", "veth", "peer", "name", "d1");
        Assert.True(events.TakeAny());
        Assert.False(events.TakeAny());
        kernel.Run("tc", "qdisc", "add", "dev", "d0", "clsact");
        Assert.True(events.TakeAny());
        Assert.False(events.TakeAny());
    }
}
