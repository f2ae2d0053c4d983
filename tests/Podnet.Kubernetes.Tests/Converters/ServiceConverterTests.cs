using System.Net;
using System.Text.Json;
using k8s;
using Podnet.Core.Model;
using Podnet.Kubernetes.Converters;

namespace Podnet.Kubernetes.Tests.Converters;

public sealed class ServiceConverterTests
{
    private const string Meta = """ "metadata":{"name":"web","namespace":"default"} """;
    private const string Port = """ "ports":[{"name":"http","port":80,"nodePort":30080}] """;

    private static Converted<Service> Convert(string json) =>
        ServiceConverter.Convert(JsonSerializer.Deserialize(json, SourceGenerationContext.Default.V1Service)!);

    private static Converted<Service> ConvertSpec(string spec) => Convert($$"""{ {{Meta}}, "spec":{ {{spec}} } }""");

    [Fact]
    public void A_service_keeps_every_field_that_matters_to_a_proxy()
    {
        var (service, problem) = Convert($$"""
            { {{Meta}}, "spec":{"type":"LoadBalancer","clusterIP":"10.0.0.1","clusterIPs":["10.0.0.1","fd00::1"],"ipFamilies":["IPv4","IPv6"],
              "ports":[{"name":"a","port":80,"nodePort":30080},{"name":"b","port":80,"protocol":"UDP"},{"name":"c","port":90,"protocol":"SCTP"}],
              "externalIPs":["192.0.2.1"],"loadBalancerSourceRanges":["10.1.2.3/8"," 192.0.2.0/24 "],
              "internalTrafficPolicy":"Local","externalTrafficPolicy":"Local","healthCheckNodePort":30999,
              "sessionAffinity":"ClientIP"},
              "status":{"loadBalancer":{"ingress":[{"ip":"198.51.100.1"},{"ip":"198.51.100.2","ipMode":"Proxy"},{"hostname":"lb.example"}]} } }
            """);
        Assert.Null(problem);
        Assert.NotNull(service);
        Assert.Equal("default/web", service.Name.ToString());
        Assert.Equal(ServiceType.LoadBalancer, service.Type);
        Assert.Equal([IPAddress.Parse("10.0.0.1"), IPAddress.Parse("fd00::1")], service.ClusterIPs);
        Assert.Equal(
            [new("a", Protocol.Tcp, 80, 30080), new("b", Protocol.Udp, 80, 0), new ServicePort("c", Protocol.Sctp, 90, 0)], service.Ports);
        Assert.Equal([IPAddress.Parse("192.0.2.1")], service.ExternalIPs);
        Assert.Equal([IPAddress.Parse("198.51.100.1")], service.LoadBalancerIPs);
        Assert.Equal([IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("192.0.2.0/24")], service.LoadBalancerSourceRanges);
        Assert.Equal(TrafficPolicy.Local, service.InternalTrafficPolicy);
        Assert.Equal(TrafficPolicy.Local, service.ExternalTrafficPolicy);
        Assert.Equal(TimeSpan.FromSeconds(10800), service.SessionAffinityTimeout);
        Assert.Equal(30999, service.HealthCheckNodePort);
    }

    [Theory]
    [InlineData(""" "clusterIP":"None" """)]
    [InlineData(""" "ports":[{"port":80}] """)]
    [InlineData(""" "type":"ExternalName","externalName":"example.com" """)]
    public void A_service_without_an_address_is_none_of_a_proxys_business(string spec)
    {
        Assert.Equal(Converted<Service>.Ignored, ConvertSpec(spec));
    }

    [Theory]
    [InlineData("service.kubernetes.io/service-proxy-name")]
    [InlineData("service.kubernetes.io/headless")]
    public void A_service_of_another_proxy_is_ignored_even_if_it_is_wrong(string label)
    {
        Assert.Equal(
            Converted<Service>.Ignored,
            Convert($$"""{"metadata":{"name":"\"x\"\n","namespace":"default","labels":{"{{label}}":""} },"spec":{"clusterIP":"0"} }"""));
    }

    [Fact]
    public void A_local_external_policy_counts_only_where_the_service_is_reached_from_outside()
    {
        Assert.Equal(TrafficPolicy.Cluster, ConvertSpec($""" "clusterIP":"10.0.0.1","externalTrafficPolicy":"Local",{Port} """).Value!.ExternalTrafficPolicy);
        Assert.Equal(
            TrafficPolicy.Local,
            ConvertSpec($""" "clusterIP":"10.0.0.1","externalIPs":["192.0.2.1"],"externalTrafficPolicy":"Local",{Port} """).Value!.ExternalTrafficPolicy);
    }

    [Theory]
    [InlineData(""" "clusterIP":"10.0.0.1" """, "spec.ports: is empty")]
    [InlineData(""" "clusterIP":"10.0.0.1","ports":[null] """, "spec.ports[0]: is null")]
    [InlineData(""" "clusterIP":"10.0.0.1","ports":[{"port":0}] """, "spec.ports[0].port: 0 is not a port")]
    [InlineData(""" "clusterIP":"10.0.0.1","ports":[{"port":65536}] """, "spec.ports[0].port: 65536 is not a port")]
    [InlineData(""" "clusterIP":"10.0.0.1","ports":[{"port":1,"nodePort":-1}] """, "spec.ports[0].nodePort: -1 is not a port")]
    [InlineData(""" "clusterIP":"10.0.0.1","ports":[{"port":1,"protocol":"tcp"}] """, "spec.ports[0].protocol: \"tcp\" is not TCP, UDP or SCTP")]
    [InlineData(""" "clusterIP":"10.0.0.1","ports":[{"port":1},{"port":2}] """, "spec.ports[1].name: \"\" is there twice")]
    [InlineData(""" "clusterIP":"10.0.0.1","ports":[{"name":"a","port":1},{"name":"b","port":1}] """, "spec.ports[1].port: 1 is there twice")]
    [InlineData(""" "clusterIP":"10.0.0.1","ports":[{"name":"a\"\n-j ACCEPT","port":1}] """, "spec.ports[0].name: \"a\"?-j ACCEPT\" is not a DNS label")]
    [InlineData(""" "clusterIP":"010.0.0.1","ports":[{"port":1}] """, "spec.clusterIP: \"010.0.0.1\" is not an IP address")]
    [InlineData(""" "clusterIP":"127.0.0.1","ports":[{"port":1}] """, "spec.clusterIP: 127.0.0.1 is a loopback address")]
    [InlineData(""" "clusterIP":"::ffff:10.0.0.1","ports":[{"port":1}] """, "spec.clusterIP: \"::ffff:10.0.0.1\" is not an IP address")]
    [InlineData(""" "clusterIP":"10.0.0.1","clusterIPs":["10.0.0.2"],"ports":[{"port":1}] """, "spec.clusterIPs[0]: \"10.0.0.2\" is not spec.clusterIP \"10.0.0.1\"")]
    [InlineData(""" "clusterIP":"10.0.0.1","clusterIPs":["10.0.0.1","10.0.0.2"],"ports":[{"port":1}] """, "spec.clusterIPs: more than one address of a family")]
    [InlineData(""" "clusterIP":"10.0.0.1","clusterIPs":["10.0.0.1"],"ipFamilies":["IPv6"],"ports":[{"port":1}] """, "spec.clusterIPs[0]: 10.0.0.1 is not \"IPv6\", as spec.ipFamilies says")]
    [InlineData(""" "clusterIP":"10.0.0.1","externalIPs":["169.254.0.1"],"ports":[{"port":1}] """, "spec.externalIPs[0]: 169.254.0.1 is a link-local address")]
    [InlineData(""" "clusterIP":"10.0.0.1","loadBalancerSourceRanges":["10.0.0.0/33"],"ports":[{"port":1}] """, "spec.loadBalancerSourceRanges[0]: \"10.0.0.0/33\" is not a CIDR block")]
    [InlineData(""" "clusterIP":"10.0.0.1","internalTrafficPolicy":"local","ports":[{"port":1}] """, "spec.internalTrafficPolicy: \"local\" is not Cluster or Local")]
    [InlineData(""" "clusterIP":"10.0.0.1","type":"nodePort","ports":[{"port":1}] """, "spec.type: \"nodePort\" is not ClusterIP, NodePort, LoadBalancer or ExternalName")]
    [InlineData(""" "clusterIP":"10.0.0.1","sessionAffinity":"ClientIP","sessionAffinityConfig":{"clientIP":{"timeoutSeconds":0}},"ports":[{"port":1}] """, "spec.sessionAffinityConfig.clientIP.timeoutSeconds: 0 is not 1 to 86400")]
    public void A_wrong_field_leaves_the_service_out_and_is_named(string spec, string problem)
    {
        Assert.Equal(new Converted<Service>(null, problem), ConvertSpec(spec));
    }

    [Fact]
    public void A_name_that_is_none_never_reaches_the_rules()
    {
        var (service, problem) = Convert($$"""{"metadata":{"name":"a\"; -j ACCEPT","namespace":"default"},"spec":{"clusterIP":"10.0.0.1",{{Port}} } }""");
        Assert.Null(service);
        Assert.Equal("metadata.name: \"a\"; -j ACCEPT\" is not a DNS label", problem);
    }
}
