using System.Text.Json;
using System.Text.Json.Nodes;
using k8s.Models;

namespace Podnet.Kubernetes.Tests.Watching;

/// <summary>What somebody can get past an API server must not reach the rules, and must not stop anybody else's.</summary>
public sealed class BadObjectTests
{
    private readonly RecordingLogger _log = new();
    private readonly List<LeftOutObject> _leftOut = [];
    private readonly ClusterStateBuilder _cluster;

    public BadObjectTests() => _cluster = new ClusterStateBuilder(_log) { LeftOut = _leftOut.Add };

    private static string Service(string name, string spec, string annotations = "{}") =>
        $$"""{"metadata":{"name":{{JsonValue.Create(name)!.ToJsonString()}},"namespace":"default","uid":"u-1","annotations":{{annotations}} },"spec":{{{spec}} } }""";

    private static string Slice(string family, string endpoints, string ports = """[{"port":80}]""") =>
        $$"""{"metadata":{"name":"web-1","namespace":"default","uid":"u-2","labels":{"kubernetes.io/service-name":"web"} },"addressType":"{{family}}","ports":{{ports}},"endpoints":[{{endpoints}}] }""";

    private static string At(string address) => $$"""{"addresses":["{{address}}"]}""";

    private void Put(string service) => _cluster.Services.Put(JsonSerializer.Deserialize(service, Resources.Services.Json)!);

    private void PutSlice(string slice) => _cluster.EndpointSlices.Put(JsonSerializer.Deserialize(slice, Resources.EndpointSlices.Json)!);

    private string[] Endpoints() =>
        [.. _cluster.Current.SlicesOf(new("default", "web")).SelectMany(slice => slice.Endpoints).Select(endpoint => endpoint.Address.ToString())];

    [Theory]
    [InlineData("bad", """ "clusterIP":"10.0.0.9","ports":[{"port":0}] """, "spec.ports[0].port: 0 is not a port")]
    [InlineData("bad", """ "clusterIP":"10.0.0.9","clusterIPs":["10.0.0.9"],"ipFamilies":["IPv6"],"ports":[{"port":1}] """, "spec.clusterIPs[0]: 10.0.0.9 is not \"IPv6\", as spec.ipFamilies says")]
    [InlineData("a\"\n-j ACCEPT", """ "clusterIP":"10.0.0.9","ports":[{"port":1}] """, "metadata.name: \"a\"?-j ACCEPT\" is not a DNS label")]
    public void A_bad_Service_is_left_out_and_said_once_and_the_others_work(string name, string spec, string problem)
    {
        Put(Service(name, spec));
        Put(Service("good", """ "clusterIP":"10.0.0.1","ports":[{"port":80}] """));
        Put(Service(name, spec));
        Assert.Equal(["default/good"], _cluster.Current.Services.Keys.Select(each => each.ToString()));
        var said = Assert.Single(_leftOut);
        Assert.Equal(("Service", "v1", name, "u-1", true, problem), (said.Kind, said.ApiVersion, said.Name.Name, said.Uid, said.IsWhole, said.Problem));
        Assert.DoesNotContain('\n', Assert.Single(_log.Lines));
    }

    [Fact]
    public void Annotations_of_64_KiB_are_nobodys_business()
    {
        Put(Service("big", """ "clusterIP":"10.0.0.1","ports":[{"port":80}] """, $$"""{"note":"{{new string('x', 64 << 10)}}"}"""));
        Assert.Single(_cluster.Current.Services);
        Assert.Empty(_leftOut);
    }

    [Theory]
    [InlineData("IPv4", "127.0.0.1", "a loopback")]
    [InlineData("IPv4", "169.254.169.254", "a link-local")]
    [InlineData("IPv4", "224.0.0.1", "a multicast")]
    [InlineData("IPv4", "0.0.0.0", "the unspecified")]
    [InlineData("IPv4", "255.255.255.255", "the broadcast")]
    [InlineData("IPv6", "::1", "a loopback")]
    [InlineData("IPv6", "fe80::1", "a link-local")]
    [InlineData("IPv6", "ff02::1", "a multicast")]
    [InlineData("IPv6", "::", "the unspecified")]
    public void An_endpoint_at_an_address_that_can_be_nobodys_is_left_out_alone(string family, string address, string use)
    {
        var good = family == "IPv4" ? "10.240.0.2" : "fd00::2";
        PutSlice(Slice(family, $"{At(address)},{At(good)}"));
        Assert.Equal([good], Endpoints());
        var said = Assert.Single(_leftOut);
        Assert.False(said.IsWhole);
        Assert.Equal($"endpoints[0].addresses[0]: {address} is {use} address", said.Problem);
        Assert.Equal("discovery.k8s.io/v1", said.ApiVersion);
    }

    [Fact]
    public void An_endpoint_of_the_wrong_family_and_one_without_an_address_are_left_out_alone()
    {
        PutSlice(Slice("IPv4", $$"""{{At("fd00::1")}},{"addresses":[]},null,{{At("10.240.0.2")}}"""));
        Assert.Equal(["10.240.0.2"], Endpoints());
        Assert.Equal("endpoints[0].addresses[0]: fd00::1 is not IPv4, as addressType says (and 2 more)", Assert.Single(_leftOut).Problem);
    }

    [Fact]
    public void A_port_0_of_a_slice_is_left_out_alone()
    {
        PutSlice(Slice("IPv4", At("10.240.0.2"), """[{"name":"a","port":0},{"name":"b","port":80}]"""));
        Assert.Equal("b", Assert.Single(_cluster.Current.SlicesOf(new("default", "web"))[0].Ports).Name);
        Assert.Single(_leftOut);
    }

    [Fact]
    public void An_object_that_cannot_be_read_is_said_on_one_line_and_forgotten_when_it_goes()
    {
        BrokenObject broken = new(new("default", "x"), "u", "bad\nJSON");
        _cluster.Services.LeaveOut(broken);
        _cluster.Services.LeaveOut(broken);
        Assert.Equal("bad?JSON", Assert.Single(_leftOut).Problem);
        _cluster.Services.Remove(broken.Name);
        _cluster.Services.LeaveOut(broken);
        Assert.Equal(2, _leftOut.Count);
    }
}
