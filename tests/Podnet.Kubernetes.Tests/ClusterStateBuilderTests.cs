using CsCheck;
using k8s.Models;
using Podnet.Core.Model;
using Podnet.Kubernetes.Tests.Watching;

namespace Podnet.Kubernetes.Tests;

public sealed class ClusterStateBuilderTests
{
    private readonly RecordingLogger _log = new();
    private readonly ClusterStateBuilder _builder;
    private readonly List<(ClusterState State, ClusterChanges Changes)> _told = [];
    private readonly List<LeftOutObject> _leftOut = [];

    public ClusterStateBuilderTests()
    {
        _builder = new(_log) { LeftOut = _leftOut.Add };
        _builder.Subscribe((state, changes) => _told.Add((state, changes)));
    }

    private static ObjectName Name(string name) => new("default", name);

    private static V1Service Service(string name, int port, string? annotation = null) => new()
    {
        Metadata = new()
        {
            Name = name,
            NamespaceProperty = "default",
            Annotations = annotation is null ? null : new Dictionary<string, string> { ["note"] = annotation },
        },
        Spec = new() { ClusterIP = "10.0.0.1", Ports = [new() { Port = port }] },
    };

    [Fact]
    public void What_does_not_matter_to_the_network_is_no_change()
    {
        _builder.Services.Put(Service("web", 80));
        var state = _builder.Current;
        _builder.Services.Put(Service("web", 80, "new"));
        Assert.Same(state, _builder.Current);
        Assert.Equal(2, _told.Count);
    }

    private static V1EndpointSlice Slice(string name, string service, string address = "10.240.0.2") => new()
    {
        Metadata = new()
        {
            Name = name,
            NamespaceProperty = "default",
            Labels = new Dictionary<string, string> { ["kubernetes.io/service-name"] = service },
        },
        AddressType = "IPv4",
        Ports = [new() { Port = 80 }],
        Endpoints = [new() { Addresses = [address] }],
    };

    private string[] Changed() => [.. _told[^1].Changes.Services.Select(name => name.Name).Order(StringComparer.Ordinal)];

    private string[] SlicesOf(string service) =>
        [.. _builder.Current.SlicesOf(new ObjectName("default", service)).Select(slice => slice.Name.Name)];

    [Fact]
    public void Who_subscribes_hears_of_everything_first_and_then_of_each_Service_by_name()
    {
        Assert.True(_told.Single().Changes.IsEverything);
        _builder.Services.Put(Service("web", 80));
        Assert.Equal(["web"], Changed());
        _builder.EndpointSlices.Put(Slice("web-1", "web"));
        Assert.Equal(["web"], Changed());
        Assert.False(_told[^1].Changes.Nodes);
        Assert.Same(_builder.Current, _told[^1].State);
        _builder.Nodes.Put(new V1Node { Metadata = new() { Name = "node-1" } });
        Assert.Empty(Changed());
        Assert.True(_told[^1].Changes is { Nodes: true, IsEverything: false });
    }

    [Fact]
    public void A_slice_that_gets_another_Service_changes_both()
    {
        _builder.EndpointSlices.Put(Slice("b", "web"));
        _builder.EndpointSlices.Put(Slice("a", "web"));
        Assert.Equal(["a", "b"], SlicesOf("web"));
        _builder.EndpointSlices.Put(Slice("b", "api"));
        Assert.Equal(["api", "web"], Changed());
        Assert.Equal(["a"], SlicesOf("web"));
        Assert.Equal(["b"], SlicesOf("api"));
        _builder.EndpointSlices.Remove(Name("a"));
        Assert.Equal(["web"], Changed());
        Assert.Equal(["default/api"], _builder.Current.EndpointSlices.Keys.Select(name => name.ToString()));
    }

    [Fact]
    public void A_slice_that_turns_bad_is_taken_from_its_Service()
    {
        _builder.EndpointSlices.Put(Slice("a", "web"));
        _builder.EndpointSlices.Put(Slice("a", "\"no\nname"));
        Assert.Equal(["web"], Changed());
        Assert.Empty(_builder.Current.EndpointSlices);
        _builder.EndpointSlices.Put(Slice("a", "web"));
        Assert.Equal(["a"], SlicesOf("web"));
    }

    [Fact]
    public void A_wrong_object_is_left_out_and_said_once_until_it_changes()
    {
        var name = new ObjectName("default", "web");
        _builder.Services.Put(Service("web", 80));
        _builder.Services.Put(Service("web", 0));
        Assert.False(_builder.Current.Services.ContainsKey(name));
        _builder.Services.Put(Service("web", 0, "still"));
        Assert.Equal(["Service \"default/web\" is left out: spec.ports[0].port: 0 is not a port"], _log.Lines);
        _builder.Services.Put(Service("web", 81));
        Assert.Equal(81, _builder.Current.Services[name].Ports[0].Port);
        _builder.Services.Remove(Name("web"));
        Assert.Empty(_builder.Current.Services);
        Assert.Single(_log.Lines);
    }

    [Fact]
    public void What_a_list_does_not_have_any_more_is_gone()
    {
        _builder.Services.Put(Service("stays", 80));
        _builder.Services.Put(Service("goes", 80));
        _builder.Services.Put(Service("bad", 0));
        _told.Clear();
        _builder.Services.BeginList();
        _builder.Services.Put(Service("stays", 80));
        Assert.Empty(_told);
        _builder.Services.EndList();
        Assert.Equal(["goes"], Changed());
        Assert.Equal(["default/stays"], _builder.Current.Services.Keys.Select(name => name.ToString()));
        _builder.Services.Put(Service("bad", 0));
        Assert.Equal(2, _log.Lines.Count);
    }

    [Fact]
    public void The_blocks_of_all_ServiceCIDRs_but_those_that_go_are_the_clusters()
    {
        _builder.ServiceCidrs.Put(Cidr("extra", "10.97.0.0/16"));
        _builder.ServiceCidrs.Put(Cidr("kubernetes", "10.96.0.0/16", "fd00::/108"));
        _builder.ServiceCidrs.Put(Cidr("same", "10.96.0.0/16"));
        Assert.Equal(["10.96.0.0/16", "10.97.0.0/16", "fd00::/108"], _builder.Current.ServiceCidrs.Select(block => block.ToString()));
        Assert.True(_told[^1].Changes is { ServiceCidrs: true, Nodes: false, IsEverything: false });
        var told = _told.Count;
        _builder.ServiceCidrs.Remove(new("", "same"));
        Assert.Equal(told, _told.Count);
        var going = Cidr("extra", "10.97.0.0/16");
        going.Metadata.DeletionTimestamp = DateTime.UtcNow;
        _builder.ServiceCidrs.Put(going);
        _builder.ServiceCidrs.Put(Cidr("wrong", "10.98.0.0/33"));
        Assert.Equal(["10.96.0.0/16", "fd00::/108"], _builder.Current.ServiceCidrs.Select(block => block.ToString()));
        Assert.Equal(["ServiceCIDR \"wrong\" is left out: spec.cidrs[0]: \"10.98.0.0/33\" is not a CIDR block"], _log.Lines);
    }

    private static V1ServiceCIDR Cidr(string name, params string[] blocks) =>
        new() { Metadata = new() { Name = name }, Spec = new() { Cidrs = blocks } };

    [Fact]
    public void The_state_is_that_of_the_last_objects_whatever_came_before()
    {
        // A name, and a port of which 0 is wrong and -1 stands for "deleted".
        var step = Gen.Select(Gen.Int[0, 4], Gen.Int[-1, 3]);
        step.Array[0, 40].Sample(steps =>
        {
            var log = new RecordingLogger();
            var builder = new ClusterStateBuilder(log);
            Dictionary<string, int> last = [];
            foreach (var (index, port) in steps)
            {
                var name = $"s{index}";
                if (port < 0)
                    builder.Services.Remove(Name(name));
                else
                    builder.Services.Put(Service(name, port));
                last[name] = port;
            }
            var expected = last.Where(each => each.Value > 0).Select(each => (each.Key, (ushort)each.Value)).Order();
            var actual = builder.Current.Services.Values.Select(service => (service.Name.Name, service.Ports[0].Port)).Order();
            return expected.SequenceEqual(actual);
        });
    }
}
