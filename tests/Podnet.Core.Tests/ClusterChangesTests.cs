using Podnet.Core.Model;

namespace Podnet.Core.Tests;

public sealed class ClusterChangesTests
{
    private static readonly ObjectName A = new("default", "a");
    private static readonly ObjectName B = new("default", "b");

    [Fact]
    public void Merged_changes_name_what_either_names()
    {
        var merged = ClusterChanges.OfServices(A).Merge(ClusterChanges.OfServices(A, B)).Merge(ClusterChanges.OfNodes);
        Assert.Equal([A, B], merged.Services.Order());
        Assert.True(merged is { Nodes: true, ServiceCidrs: false, IsEverything: false, IsNone: false });
        Assert.True(merged.Merge(ClusterChanges.OfServiceCidrs) is { Nodes: true, ServiceCidrs: true, Services.Count: 2 });
    }

    [Fact]
    public void Nothing_adds_nothing_and_everything_takes_all_in()
    {
        var a = ClusterChanges.OfServices(A);
        Assert.True(ClusterChanges.None.IsNone);
        Assert.Same(a, a.Merge(ClusterChanges.None));
        Assert.Same(a, ClusterChanges.None.Merge(a));
        Assert.Same(ClusterChanges.Everything, a.Merge(ClusterChanges.Everything));
        Assert.Same(ClusterChanges.Everything, ClusterChanges.Everything.Merge(a));
        Assert.True(ClusterChanges.Everything is { Nodes: true, ServiceCidrs: true, IsNone: false });
    }

    [Fact]
    public void Slices_are_found_by_their_Service_in_the_order_of_their_names_whatever_order_they_came_in()
    {
        EndpointSlice[] slices = [new(new("default", "a-2"), A), new(new("default", "b-1"), B), new(new("default", "a-1"), A)];
        var index = EndpointSliceIndex.Of(slices);
        Assert.Equal(["a-1", "a-2"], index[A].Select(slice => slice.Name.Name));
        Assert.Equal(index[A], EndpointSliceIndex.Of(slices.Reverse())[A]);
        index = index.With(slices[0] with { Ports = [new("web", Protocol.Tcp, 80)] });
        Assert.Equal((2, 1), (index[A].Length, index[A][1].Ports.Length));
        index = index.Without(A, new("default", "a-1")).Without(B, new("default", "b-1"));
        Assert.Equal([A], index.Keys);
        Assert.Same(index, index.Without(B, new("default", "b-1")));
    }
}
