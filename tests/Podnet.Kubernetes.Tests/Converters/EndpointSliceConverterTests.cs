using System.Net;
using System.Text.Json;
using k8s;
using Podnet.Core.Model;
using Podnet.Kubernetes.Converters;

namespace Podnet.Kubernetes.Tests.Converters;

public sealed class EndpointSliceConverterTests
{
    private static Converted<EndpointSlice> Convert(string rest, string labels = "\"kubernetes.io/service-name\":\"web\"") =>
        EndpointSliceConverter.Convert(JsonSerializer.Deserialize(
            $$"""{"metadata":{"name":"web-1","namespace":"default","labels":{ {{labels}} } }, {{rest}} }""",
            SourceGenerationContext.Default.V1EndpointSlice)!);

    [Fact]
    public void A_slice_keeps_every_field_that_matters_to_a_proxy()
    {
        var (slice, problem) = Convert("""
            "addressType":"IPv4","ports":[{"name":"http","port":8080,"protocol":"UDP"},{"port":9090}],
            "endpoints":[
              {"addresses":["10.1.0.1","10.1.0.2"],"nodeName":"n1","conditions":{"ready":false,"serving":true,"terminating":true},
               "hints":{"forZones":[{"name":"a"},{"name":"b"}],"forNodes":[{"name":"n1"}]}},
              {"addresses":["10.1.0.3"]}]
            """);
        Assert.Null(problem);
        Assert.NotNull(slice);
        Assert.Equal("default/web-1", slice.Name.ToString());
        Assert.Equal("default/web", slice.ServiceName.ToString());
        Assert.Equal([new("http", Protocol.Udp, 8080), new EndpointPort("", Protocol.Tcp, 9090)], slice.Ports);
        Assert.Equal(2, slice.Endpoints.Length);
        var first = slice.Endpoints[0];
        Assert.Equal(IPAddress.Parse("10.1.0.1"), first.Address);
        Assert.Equal((false, true, true), (first.Ready, first.Serving, first.Terminating));
        Assert.Equal("n1", first.NodeName);
        Assert.Equal(["a", "b"], first.ZoneHints);
        Assert.Equal(["n1"], first.NodeHints);
        var second = slice.Endpoints[1];
        Assert.Equal((true, true, false), (second.Ready, second.Serving, second.Terminating));
        Assert.Null(second.NodeName);
    }

    [Theory]
    [InlineData("\"addresses\":[]", "endpoints[1].addresses: is empty")]
    [InlineData("\"addresses\":[\"fd00::1\"]", "endpoints[1].addresses[0]: fd00::1 is not IPv4, as addressType says")]
    [InlineData("\"addresses\":[\"127.0.0.1\"]", "endpoints[1].addresses[0]: 127.0.0.1 is a loopback address")]
    [InlineData("\"addresses\":[\"169.254.1.1\"]", "endpoints[1].addresses[0]: 169.254.1.1 is a link-local address")]
    [InlineData("\"addresses\":[\"224.0.0.1\"]", "endpoints[1].addresses[0]: 224.0.0.1 is a multicast address")]
    [InlineData("\"addresses\":[\"0.0.0.0\"]", "endpoints[1].addresses[0]: 0.0.0.0 is the unspecified address")]
    [InlineData("\"addresses\":[\"10.1\"]", "endpoints[1].addresses[0]: \"10.1\" is not an IP address")]
    [InlineData("\"addresses\":[\"10.1.0.09\"]", "endpoints[1].addresses[0]: \"10.1.0.09\" is not an IP address")]
    [InlineData("\"addresses\":[null]", "endpoints[1].addresses[0]: null is not an IP address")]
    public void A_wrong_endpoint_is_left_out_alone(string endpoint, string expected)
    {
        var (slice, problem) = Convert($$"""
            "addressType":"IPv4","ports":[{"port":80}],"endpoints":[{"addresses":["10.1.0.1"]},{ {{endpoint}} },{"addresses":["10.1.0.2"]}]
            """);
        Assert.Equal(expected, problem);
        Assert.Equal([IPAddress.Parse("10.1.0.1"), IPAddress.Parse("10.1.0.2")], slice!.Endpoints.Select(e => e.Address));
    }

    [Fact]
    public void Many_wrong_endpoints_are_one_line()
    {
        var endpoints = string.Join(',', Enumerable.Repeat("{\"addresses\":[\"::1\"]}", 1000));
        var (slice, problem) = Convert($$""" "addressType":"IPv6","ports":[{"port":80}],"endpoints":[{{endpoints}}] """);
        Assert.Empty(slice!.Endpoints);
        Assert.Equal("endpoints[0].addresses[0]: ::1 is a loopback address (and 999 more)", problem);
    }

    [Fact]
    public void A_wrong_port_is_left_out_alone()
    {
        var (slice, problem) = Convert(""" "addressType":"IPv4","ports":[{"name":"a","port":0},{"name":"b"},{"name":"c","port":80}] """);
        Assert.Equal("ports[0].port: 0 is not a port (and 1 more)", problem);
        Assert.Equal([new EndpointPort("c", Protocol.Tcp, 80)], slice!.Ports);
    }

    [Theory]
    [InlineData(""" "addressType":"FQDN","endpoints":[{"addresses":["example.com"]}] """, "\"kubernetes.io/service-name\":\"web\"", null)]
    [InlineData(""" "addressType":"IPv4" """, "\"service.kubernetes.io/headless\":\"\"", null)]
    [InlineData(""" "addressType":"IPv5" """, "\"kubernetes.io/service-name\":\"web\"", "addressType: \"IPv5\" is not IPv4, IPv6 or FQDN")]
    [InlineData(""" "addressType":"IPv4" """, "", "metadata.labels[kubernetes.io/service-name]: null is not a DNS label")]
    [InlineData(""" "addressType":"IPv4","ports":[{"port":80},{"port":81}] """, "\"kubernetes.io/service-name\":\"web\"", "ports: two have the same name")]
    public void A_slice_of_no_use_is_left_out(string rest, string labels, string? problem)
    {
        Assert.Equal(new Converted<EndpointSlice>(null, problem), Convert(rest, labels));
    }
}
