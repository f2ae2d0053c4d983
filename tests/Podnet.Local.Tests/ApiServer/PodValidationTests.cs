namespace Podnet.Local.Tests.ApiServer;

/// <summary>What is wrong with a pod or a pod template is said as Kubernetes 1.32 says it.</summary>
public sealed class PodValidationTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData(""" "livenessProbe":{"periodSeconds":5} """, "livenessProbe: Required value: must specify a handler type")]
    [InlineData(""" "livenessProbe":{"exec":{"command":["a"]},"tcpSocket":{"port":80}} """, "livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type")]
    [InlineData(""" "livenessProbe":{"exec":{}} """, "livenessProbe.exec.command: Required value")]
    [InlineData(""" "livenessProbe":{"tcpSocket":{"port":80},"successThreshold":2} """, "livenessProbe.successThreshold: Invalid value: 2: must be 1")]
    [InlineData(""" "readinessProbe":{"httpGet":{"port":70000}} """, "readinessProbe.httpGet.port: Invalid value: 70000: must be between 1 and 65535, inclusive")]
    [InlineData(""" "readinessProbe":{"httpGet":{"port":80,"scheme":"FTP"}} """, "readinessProbe.httpGet.scheme: Unsupported value: \"FTP\": supported values: \"HTTP\", \"HTTPS\"")]
    [InlineData(""" "startupProbe":{"tcpSocket":{"port":"web!"}} """, "startupProbe.tcpSocket.port: Invalid value: \"web!\": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")]
    [InlineData(""" "readinessProbe":{"tcpSocket":{"port":80},"initialDelaySeconds":-1} """, "readinessProbe.initialDelaySeconds: Invalid value: -1: must be greater than or equal to 0")]
    [InlineData(""" "lifecycle":{"preStop":{}} """, "lifecycle.preStop: Required value: must specify a handler type")]
    [InlineData(""" "ports":[{"name":"a","containerPort":80},{"name":"a","containerPort":81}] """, "ports[1].name: Duplicate value: \"a\"")]
    [InlineData(""" "env":[{"name":"a=b"}] """, "env[0].name: Invalid value: \"a=b\": a valid environment variable name must consist only of printable ASCII characters other than '='")]
    [InlineData(""" "env":[{"name":"a","valueFrom":{}}] """, "env[0].valueFrom: Invalid value: \"\": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`")]
    [InlineData(""" "resources":{"requests":{"memory":"2Gi"},"limits":{"memory":"1Gi"}} """, "resources.requests: Invalid value: \"2Gi\": must be less than or equal to memory limit of 1Gi")]
    [InlineData(""" "resources":{"requests":{"memry":"1"}} """, "resources.requests[memry]: Invalid value: \"memry\": must be a standard resource type or fully qualified")]
    [InlineData(""" "resources":{"requests":{"cpu":"-1"}} """, "resources.requests[cpu]: Invalid value: \"-1\": must be greater than or equal to 0")]
    [InlineData(""" "terminationMessagePolicy":"Log" """, "terminationMessagePolicy: Unsupported value: \"Log\": supported values: \"FallbackToLogsOnError\", \"File\"")]
    public Task Of_a_container(string part, string why) =>
        RefusedAsync("pods", Pod($$"""{"containers":[{"name":"c","image":"i",{{part}} }]}"""), $"Pod \"a\" is invalid: spec.containers[0].{why}");

    [Theory]
    [InlineData(""" "activeDeadlineSeconds":0 """, "activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive")]
    [InlineData(""" "tolerations":[{"operator":"Equal"}] """,
        "tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when `key` is empty, which means \"match all values and all keys\"")]
    [InlineData(""" "tolerations":[{"key":"a","effect":"Never"}] """,
        "tolerations[0].effect: Unsupported value: \"Never\": supported values: \"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"")]
    [InlineData(""" "affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[]}}} """,
        "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term")]
    public Task Of_a_pod(string part, string why) =>
        RefusedAsync("pods", Pod($$"""{"containers":[{"name":"c","image":"i"}],{{part}} }"""), $"Pod \"a\" is invalid: spec.{why}");

    [Theory]
    [InlineData(""" "selector":{"matchLabels":{"app":"b"}} """,
        "spec.template.metadata.labels: Invalid value: map[string]string{\"app\":\"a\"}: `selector` does not match template `labels`")]
    [InlineData(""" "replicas":1 """, "[spec.selector: Required value, "
        + "spec.template.metadata.labels: Invalid value: map[string]string{\"app\":\"a\"}: `selector` does not match template `labels`]")]
    [InlineData(""" "selector":{} """, "spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string(nil), "
        + "MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: empty selector is invalid for deployment")]
    [InlineData(""" "selector":{"matchLabels":{"app":"a"}},"strategy":{"type":"Recreate","rollingUpdate":{"maxSurge":1}} """,
        "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'")]
    [InlineData(""" "selector":{"matchLabels":{"app":"a"}},"strategy":{"rollingUpdate":{"maxSurge":0,"maxUnavailable":0}} """,
        "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0")]
    [InlineData(""" "selector":{"matchLabels":{"app":"a"}},"minReadySeconds":600 """,
        "spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds")]
    public Task Of_a_Deployment(string part, string why) =>
        RefusedAsync("deployments", Deployment(part), $"Deployment.apps \"a\" is invalid: {why}");

    [Fact]
    public Task Volumes_that_outlive_a_pod_are_refused_by_name() => RefusedAsync("statefulsets",
        Deployment(""" "volumeClaimTemplates":[{"metadata":{"name":"www"},"spec":{"accessModes":["ReadWriteOnce"]}}] """),
        "StatefulSet.apps \"a\" is invalid: spec.volumeClaimTemplates: Forbidden: a local cluster has no volumes that outlive a pod: use an emptyDir in spec.template.spec.volumes");

    [Fact]
    public async Task That_a_selector_cannot_change_is_said_with_the_selector()
    {
        const string matching = """ "selector":{"matchLabels":{"app":"a"}} """;
        await _server.CreateAsync("deployments", Deployment(matching), "apis/apps/v1");
        var (code, status) = await _server.SendAsync("PATCH", "/apis/apps/v1/namespaces/default/deployments/a",
            """{"spec":{"selector":{"matchLabels":{"app":"b"}},"template":{"metadata":{"labels":{"app":"b"}}}}}""", "application/merge-patch+json");
        Assert.Equal((422, "Deployment.apps \"a\" is invalid: spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string{\"app\":\"b\"}, "
            + "MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: field is immutable"), (code, (string?)status["message"]));
    }

    [Theory]
    [InlineData(""" "env":[{"name":"n","value":1}] """, "json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string")]
    [InlineData(""" "ports":[{"containerPort":"80"}] """, "json: cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32")]
    [InlineData(""" "args":"a" """, "json: cannot unmarshal string into Go struct field Container.spec.containers.args of type []string")]
    public async Task A_field_of_the_wrong_type_is_named_as_Go_names_it(string part, string why)
    {
        var (code, status) = await _server.SendAsync("POST", "/api/v1/namespaces/default/pods", Pod($$"""{"containers":[{"name":"c","image":"i",{{part}} }]}"""));
        Assert.Equal((400, $"Pod in version \"v1\" cannot be handled as a Pod: {why}"), (code, (string?)status["message"]));
    }

    [Fact]
    public async Task What_is_limited_is_requested_and_makes_the_pods_class()
    {
        var pod = await _server.CreateAsync("pods", Pod("""{"containers":[{"name":"c","image":"i","resources":{"limits":{"cpu":"1","memory":"1Gi"}}}]}"""));
        Assert.Equal("""{"cpu":"1","memory":"1Gi"}""", pod["spec"]!["containers"]![0]!["resources"]!["requests"]!.ToJsonString());
        Assert.Equal("Guaranteed", (string?)pod["status"]!["qosClass"]);
    }

    private static string Pod(string spec) => $$"""{"metadata":{"name":"a"},"spec":{{spec}} }""";

    private static string Deployment(string part) => $$$"""
        {"metadata":{"name":"a"},"spec":{"template":{"metadata":{"labels":{"app":"a"}},"spec":{"containers":[{"name":"c","image":"i"}]}},{{{part}}} }}
        """;

    private async Task RefusedAsync(string plural, string body, string message)
    {
        var path = plural == "pods" ? "/api/v1/namespaces/default/pods" : $"/apis/apps/v1/namespaces/default/{plural}";
        var (code, status) = await _server.SendAsync("POST", path, body);
        Assert.Equal((422, message), (code, (string?)status["message"]));
    }
}
