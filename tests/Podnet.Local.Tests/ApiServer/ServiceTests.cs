using System.Text.Json.Nodes;

namespace Podnet.Local.Tests.ApiServer;

public sealed class ServiceTests : IAsyncLifetime
{
    private const string Services = "/api/v1/namespaces/default/services";
    private const string Port = "\"ports\":[{\"port\":80}]";
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.StartAsync(serviceCidrs: ["10.0.32.0/22", "fd00::/112"]);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_service_gets_an_address_and_all_defaults()
    {
        var spec = (await CreateAsync("a", $"{{{Port}}}"))["spec"]!;
        Assert.StartsWith("10.0.3", (string)spec["clusterIP"]!, StringComparison.Ordinal);
        Assert.Equal((string?)spec["clusterIP"], (string?)spec["clusterIPs"]![0]);
        spec.AsObject().Remove("clusterIP");
        spec.AsObject().Remove("clusterIPs");
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse("""
            {"ports":[{"port":80,"protocol":"TCP","targetPort":80}],"type":"ClusterIP","sessionAffinity":"None","internalTrafficPolicy":"Cluster",
             "ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack"}
            """), spec), spec.ToJsonString());
    }

    [Fact]
    public async Task A_requested_address_is_honoured_once()
    {
        await CreateAsync("a", $"{{\"clusterIP\":\"10.0.33.45\",{Port}}}");
        await RefusedAsync("b", $"{{\"clusterIP\":\"10.0.33.45\",{Port}}}",
            "Service \"b\" is invalid: spec.clusterIPs: Invalid value: []string{\"10.0.33.45\"}: failed to allocate IP 10.0.33.45: provided IP is already allocated");
        await _server.OkAsync("DELETE", $"{Services}/a");
        await CreateAsync("b", $"{{\"clusterIP\":\"10.0.33.45\",{Port}}}");
    }

    [Theory]
    [InlineData("10.1.0.1", "failed to allocate IP 10.1.0.1: the provided IP (10.1.0.1) is not in the valid range. The range of valid IPs is 10.0.32.0/22")]
    [InlineData("10.0.32.0", "failed to allocate IP 10.0.32.0: the provided IP (10.0.32.0) is not in the valid range. The range of valid IPs is 10.0.32.0/22")]
    [InlineData("10.0.35.255", "failed to allocate IP 10.0.35.255: the provided IP (10.0.35.255) is not in the valid range. The range of valid IPs is 10.0.32.0/22")]
    public async Task A_foreign_address_is_refused(string address, string why) =>
        await RefusedAsync("a", $"{{\"clusterIP\":\"{address}\",{Port}}}",
            $"Service \"a\" is invalid: spec.clusterIPs: Invalid value: []string{{\"{address}\"}}: {why}");

    [Theory]
    [InlineData("""{"clusterIP":"10.0.33.46"}""")]
    [InlineData("""{"clusterIP":"10.0.33.46","clusterIPs":["10.0.33.46"]}""")]
    public async Task An_address_cannot_change(string spec)
    {
        await CreateAsync("a", $"{{\"clusterIP\":\"10.0.33.45\",{Port}}}");
        var (code, status) = await _server.SendAsync("PATCH", $"{Services}/a", $"{{\"spec\":{spec}}}", "application/merge-patch+json");
        Assert.Equal((422, "Service \"a\" is invalid: spec.clusterIPs[0]: Invalid value: []string{\"10.0.33.46\"}: may not change once set"), (code, (string?)status["message"]));
        var kept = await _server.OkAsync("PUT", $"{Services}/a", Objects.Service("a", $"{{{Port}}}"));
        Assert.Equal("10.0.33.45", (string?)kept["spec"]!["clusterIP"]);
    }

    [Fact]
    public async Task Headless_and_external_name_services_have_no_address()
    {
        var headless = (await CreateAsync("a", $"{{\"clusterIP\":\"None\",{Port}}}"))["spec"]!;
        Assert.Equal(("None", "None"), ((string?)headless["clusterIP"], (string?)headless["clusterIPs"]![0]));
        var external = (await CreateAsync("b", """{"type":"ExternalName","externalName":"example.com"}"""))["spec"]!;
        Assert.Null(external["clusterIP"]);
    }

    [Fact]
    public async Task Dual_stack_gives_one_address_of_each_family()
    {
        var spec = (await CreateAsync("a", $"{{\"ipFamilyPolicy\":\"PreferDualStack\",{Port}}}"))["spec"]!;
        Assert.Equal("""["IPv4","IPv6"]""", spec["ipFamilies"]!.ToJsonString());
        Assert.StartsWith("fd00::", (string)spec["clusterIPs"]![1]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_address_is_handed_out_once_until_none_is_left()
    {
        await using var small = await RunningServer.StartAsync(serviceCidrs: ["10.9.0.0/27"]);
        var seen = new HashSet<string>();
        for (var i = 0; i < 30; i++)
            Assert.True(seen.Add((string)(await small.CreateAsync("services", Objects.Service($"s{i}", $"{{{Port}}}")))["spec"]!["clusterIP"]!));
        var (code, status) = await small.SendAsync("POST", Services, Objects.Service("last", $"{{{Port}}}"));
        Assert.Equal(422, code);
        Assert.Contains("range is full", (string?)status["message"], StringComparison.Ordinal);
        await small.OkAsync("DELETE", $"{Services}/s7");
        await small.CreateAsync("services", Objects.Service("last", $"{{{Port}}}"));
    }

    [Fact]
    public async Task Node_ports_are_allocated_honoured_and_kept()
    {
        var spec = (await CreateAsync("a", $"{{\"type\":\"NodePort\",{Port}}}"))["spec"]!;
        Assert.InRange((int)spec["ports"]![0]!["nodePort"]!, 30000, 32767);
        Assert.Equal("Cluster", (string?)spec["externalTrafficPolicy"]);
        var again = await _server.OkAsync("PUT", $"{Services}/a", Objects.Service("a", $"{{\"type\":\"NodePort\",{Port}}}"));
        Assert.Equal((int)spec["ports"]![0]!["nodePort"]!, (int)again["spec"]!["ports"]![0]!["nodePort"]!);

        await CreateAsync("b", """{"type":"NodePort","ports":[{"port":53,"name":"t","nodePort":30053},{"port":53,"name":"u","protocol":"UDP","nodePort":30053}]}""");
        await RefusedAsync("c", """{"type":"NodePort","ports":[{"port":80,"nodePort":30053}]}""",
            "Service \"c\" is invalid: spec.ports[0].nodePort: Invalid value: 30053: provided port is already allocated");
        await RefusedAsync("c", """{"type":"NodePort","ports":[{"port":80,"nodePort":80}]}""",
            "Service \"c\" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767");
    }

    [Fact]
    public async Task A_node_port_goes_with_the_type_that_had_it()
    {
        await CreateAsync("a", """{"type":"NodePort","ports":[{"port":80,"nodePort":30080}]}""");
        var now = await _server.OkAsync("PATCH", $"{Services}/a", """{"spec":{"type":"ClusterIP"}}""", "application/merge-patch+json");
        Assert.Null(now["spec"]!["ports"]![0]!["nodePort"]);
        await CreateAsync("b", """{"type":"NodePort","ports":[{"port":80,"nodePort":30080}]}""");
    }

    [Theory]
    [InlineData("{\"clusterIP\":\"10.0.33.1\"}", "spec.ports: Required value")]
    [InlineData("{\"ports\":[{\"port\":70000,\"targetPort\":80}]}", "spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive")]
    [InlineData("{\"ports\":[{\"port\":80},{\"port\":81,\"name\":\"b\"}]}", "spec.ports[0].name: Required value")]
    [InlineData("{\"ports\":[{\"port\":80,\"protocol\":\"ICMP\"}]}", "spec.ports[0].protocol: Unsupported value: \"ICMP\": supported values: \"SCTP\", \"TCP\", \"UDP\"")]
    [InlineData("{\"type\":\"Magic\",\"ports\":[{\"port\":80}]}", "spec.type: Unsupported value: \"Magic\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"")]
    [InlineData("{\"ports\":[{\"name\":\"a\",\"port\":80},{\"name\":\"b\",\"port\":80}]}",
        "spec.ports[1]: Duplicate value: core.ServicePort{Name:\"\", Protocol:\"TCP\", AppProtocol:(*string)(nil), Port:80, "
        + "TargetPort:intstr.IntOrString{Type:0, IntVal:0, StrVal:\"\"}, NodePort:0}")]
    [InlineData("{\"ports\":[{\"port\":80}],\"externalIPs\":[\"127.0.0.1\"]}",
        "spec.externalIPs[0]: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, ::1/128)")]
    [InlineData("{\"type\":\"ExternalName\"}", "spec.externalName: Required value")]
    [InlineData("{\"ports\":[{\"port\":80,\"nodePort\":30001}]}", "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'")]
    public async Task A_bad_service_is_refused_in_the_words_of_Kubernetes(string spec, string why) =>
        await RefusedAsync("a", spec, $"Service \"a\" is invalid: {why}");

    private Task<JsonNode> CreateAsync(string name, string spec) => _server.CreateAsync("services", Objects.Service(name, spec));

    private async Task RefusedAsync(string name, string spec, string message)
    {
        var (code, status) = await _server.SendAsync("POST", Services, Objects.Service(name, spec));
        Assert.Equal((422, message), (code, (string?)status["message"]));
        Assert.Equal(404, (await _server.SendAsync("GET", $"{Services}/{name}")).Code);
    }
}
