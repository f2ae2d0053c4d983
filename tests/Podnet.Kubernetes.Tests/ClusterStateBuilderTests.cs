using CsCheck;
using k8s.Models;
using Podnet.Core.Model;
using Podnet.Kubernetes.Tests.Watching;

namespace Podnet.Kubernetes.Tests;

public sealed class ClusterStateBuilderTests
{
    private static readonly ApiClient Nowhere = new(new Uri("http://127.0.0.1:1"), new SocketsHttpHandler(), token: "");

    private readonly RecordingLogger _log = new();
    private readonly Informer<V1Service> _services;
    private readonly Informer<V1EndpointSlice> _slices;
    private readonly Informer<V1Node> _nodes;
    private readonly ClusterStateBuilder _builder;
    private readonly List<(ClusterState State, ClusterChanges Changes)> _told = [];

    public ClusterStateBuilderTests()
    {
        _services = new(Nowhere, Resources.Services, _log);
        _slices = new(Nowhere, Resources.EndpointSlices, _log);
        _nodes = new(Nowhere, Resources.Nodes, _log);
        _builder = new(_log);
        _builder.Follow(_services);
        _builder.Follow(_slices);
        _builder.Follow(_nodes);
        _builder.Subscribe((state, changes) => _told.Add((state, changes)));
    }

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
        _services.Changed!(null, Service("web", 80));
        var state = _builder.Current;
        _services.Changed!(Service("web", 80), Service("web", 80, "new"));
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
        _services.Changed!(null, Service("web", 80));
        Assert.Equal(["web"], Changed());
        _slices.Changed!(null, Slice("web-1", "web"));
        Assert.Equal(["web"], Changed());
        Assert.False(_told[^1].Changes.Nodes);
        Assert.Same(_builder.Current, _told[^1].State);
        _nodes.Changed!(null, new V1Node { Metadata = new() { Name = "node-1" } });
        Assert.Empty(Changed());
        Assert.True(_told[^1].Changes is { Nodes: true, IsEverything: false });
    }

    [Fact]
    public void A_slice_that_gets_another_Service_changes_both()
    {
        _slices.Changed!(null, Slice("b", "web"));
        _slices.Changed!(null, Slice("a", "web"));
        Assert.Equal(["a", "b"], SlicesOf("web"));
        _slices.Changed!(Slice("b", "web"), Slice("b", "api"));
        Assert.Equal(["api", "web"], Changed());
        Assert.Equal(["a"], SlicesOf("web"));
        Assert.Equal(["b"], SlicesOf("api"));
        _slices.Changed!(Slice("a", "web"), null);
        Assert.Equal(["web"], Changed());
        Assert.Equal(["default/api"], _builder.Current.EndpointSlices.Keys.Select(name => name.ToString()));
    }

    [Fact]
    public void A_slice_that_turns_bad_is_taken_from_its_Service()
    {
        _slices.Changed!(null, Slice("a", "web"));
        _slices.Changed!(Slice("a", "web"), Slice("a", "\"no\nname"));
        Assert.Equal(["web"], Changed());
        Assert.Empty(_builder.Current.EndpointSlices);
        _slices.Changed!(Slice("a", "\"no\nname"), Slice("a", "web"));
        Assert.Equal(["a"], SlicesOf("web"));
    }

    [Fact]
    public void A_wrong_object_is_left_out_and_said_once_until_it_changes()
    {
        var name = new ObjectName("default", "web");
        _services.Changed!(null, Service("web", 80));
        _services.Changed!(Service("web", 80), Service("web", 0));
        Assert.False(_builder.Current.Services.ContainsKey(name));
        _services.Changed!(Service("web", 0), Service("web", 0, "still"));
        Assert.Equal(["Service \"default/web\" is left out: spec.ports[0].port: 0 is not a port"], _log.Lines);
        _services.Changed!(Service("web", 0), Service("web", 81));
        Assert.Equal(81, _builder.Current.Services[name].Ports[0].Port);
        _services.Changed!(Service("web", 81), null);
        Assert.Empty(_builder.Current.Services);
        Assert.Single(_log.Lines);
    }

    [Fact]
    public void The_state_is_that_of_the_last_objects_whatever_came_before()
    {
        // A name, and a port of which 0 is wrong and -1 stands for "deleted".
        var step = Gen.Select(Gen.Int[0, 4], Gen.Int[-1, 3]);
        step.Array[0, 40].Sample(steps =>
        {
            var log = new RecordingLogger();
            var services = new Informer<V1Service>(Nowhere, Resources.Services, log);
            var builder = new ClusterStateBuilder(log);
            builder.Follow(services);
            Dictionary<string, int> last = [];
            foreach (var (index, port) in steps)
            {
                var name = $"s{index}";
                var before = last.TryGetValue(name, out var old) && old >= 0 ? Service(name, old) : null;
                if (before is null && port < 0)
                    continue;
                services.Changed!(before, port < 0 ? null : Service(name, port));
                last[name] = port;
            }
            var expected = last.Where(each => each.Value > 0).Select(each => (each.Key, (ushort)each.Value)).Order();
            var actual = builder.Current.Services.Values.Select(service => (service.Name.Name, service.Ports[0].Port)).Order();
            return expected.SequenceEqual(actual);
        });
    }
}
