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
    private readonly ClusterStateBuilder _builder;
    private int _changes;

    public ClusterStateBuilderTests()
    {
        _services = new(Nowhere, Resources.Services, _log);
        _builder = new(_log) { Changed = () => _changes++ };
        _builder.Follow(_services);
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
        Assert.Equal(1, _changes);
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
