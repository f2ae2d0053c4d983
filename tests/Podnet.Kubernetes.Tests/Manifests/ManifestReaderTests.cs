using k8s.Models;
using Podnet.Kubernetes.Manifests;

namespace Podnet.Kubernetes.Tests.Manifests;

public sealed class ManifestReaderTests
{
    private const string StatefulSet = """
        apiVersion: apps/v1
        kind: StatefulSet
        metadata:
          name: nginx
          annotations: {podnet.dev/pod-ips: "10.240.0.28,10.240.0.57"}
        spec:
          replicas: 2
          serviceName: nginx
          selector:
            matchLabels: {app: nginx}
          template:
            metadata: {labels: {app: nginx}}
            spec:
              terminationGracePeriodSeconds: 0x1e
              containers:
              - name: nginx
                image: nginx
                ports: [{name: web, containerPort: 80}]
                resources: {requests: {cpu: 1, memory: 64Mi}}
                readinessProbe: {httpGet: {path: /, port: web}}
                env:
                - {name: NUMBER, value: "80"}
                - name: TEXT
                  value: >-
                    two
                    lines
              volumes:
              - name: conf
                configMap: {name: conf, defaultMode: 0644}
              - name: scratch
                emptyDir:
        """;

    private static List<ManifestObject> Parse(string text) => ManifestReader.Parse(text, "nginx.yaml");

    [Fact]
    public void YAML_becomes_the_objects_that_Kubernetes_would_make_of_it()
    {
        var read = Parse(StatefulSet + "\n---\n# nothing here\n---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  ports:\n  - {port: 80, targetPort: 8080}\n  - {port: 81, targetPort: web}\n");
        Assert.Equal(2, read.Count);
        Assert.Equal(("nginx.yaml", 1, 35), (read[0].File, read[0].Line, read[1].Line));
        var set = Assert.IsType<V1StatefulSet>(read[0].Object);
        Assert.Equal("apps/v1", set.ApiVersion);
        Assert.Equal("10.240.0.28,10.240.0.57", set.Metadata.Annotations["podnet.dev/pod-ips"]);
        Assert.Equal(2, set.Spec.Replicas);
        var pod = set.Spec.Template.Spec;
        Assert.Equal(30, pod.TerminationGracePeriodSeconds);
        Assert.Equal(80, pod.Containers[0].Ports[0].ContainerPort);
        Assert.Equal("1", pod.Containers[0].Resources.Requests["cpu"].ToString());
        Assert.Equal("64Mi", pod.Containers[0].Resources.Requests["memory"].ToString());
        Assert.Equal("web", pod.Containers[0].ReadinessProbe.HttpGet.Port.Value);
        Assert.Equal(["80", "two lines"], pod.Containers[0].Env.Select(variable => variable.Value));
        Assert.Equal(0b110_100_100, pod.Volumes[0].ConfigMap.DefaultMode);
        Assert.Null(pod.Volumes[1].EmptyDir);
        var service = Assert.IsType<V1Service>(read[1].Object);
        Assert.Equal(["8080", "web"], service.Spec.Ports.Select(port => port.TargetPort.Value));
    }

    [Fact]
    public void Lists_and_JSON_are_read_too()
    {
        var read = Parse("""
            {"apiVersion":"v1","kind":"List","items":[
            	{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"\ud83d\ude00\/"},"binaryData":{"b":"AQI="}},
            	{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"b","creationTimestamp":null}}]}
            """);
        Assert.Equal([2, 3], read.Select(o => o.Line));
        var map = Assert.IsType<V1ConfigMap>(read[0].Object);
        Assert.Equal("😀/", map.Data["k"]);
        Assert.Equal([1, 2], map.BinaryData["b"]);
        Assert.Equal("b", Assert.IsType<V1Namespace>(read[1].Object).Metadata.Name);
    }

    [Theory]
    [InlineData("replicas: 2", "replcas: 2", "7:3: spec.replcas: unknown field of StatefulSet (did you mean replicas?)")]
    [InlineData("replicas: 2", "frobnicate: 2", "7:3: spec.frobnicate: unknown field of StatefulSet")]
    [InlineData("replicas: 2", "Replicas: 2", "7:3: spec.Replicas: unknown field of StatefulSet (did you mean replicas?)")]
    [InlineData("replicas: 2", "replicas: two", "7:13: spec.replicas: is \"two\", a string, not an integer")]
    [InlineData("replicas: 2", "replicas: \"2\"", "7:13: spec.replicas: is \"2\", a string, not an integer")]
    [InlineData("replicas: 2", "replicas: 2.5", "7:13: spec.replicas: is 2.5, a number, not an integer")]
    [InlineData("replicas: 2", "replicas: 2147483648", "7:13: spec.replicas: 2147483648 is not in -2147483648 to 2147483647")]
    [InlineData("replicas: 2", "replicas: [2]", "7:13: spec.replicas: is a list, not an integer")]
    [InlineData("replicas: 2", "replicas: *two", "7:13: *two is an alias of nothing before it")]
    [InlineData("replicas: 2", "replicas: !!int 2", "7:13: the tag tag:yaml.org,2002:int means nothing to Kubernetes")]
    [InlineData("serviceName: nginx", "serviceName: 80", "8:16: spec.serviceName: is 80, a number, not a string: put it in quotes")]
    [InlineData("serviceName: nginx", "replicas: 3", "8:3: the key replicas is there twice")]
    [InlineData("value: \"80\"", "value: yes", "22:33: spec.template.spec.containers[0].env[0].value: is true, a boolean, not a string: put it in quotes")]
    [InlineData("containerPort: 80", "containerport: 80", "18:29: spec.template.spec.containers[0].ports[0].containerport: unknown field of StatefulSet (did you mean containerPort?)")]
    [InlineData("memory: 64Mi", "memory: lots", "19:48: spec.template.spec.containers[0].resources.requests[memory]: \"lots\", a string, is not a quantity such as 100m or 64Mi")]
    [InlineData("{app: nginx}", "[app]", "10:18: spec.selector.matchLabels: is a list, not an object")]
    [InlineData("kind: StatefulSet", "kind: StatefullSet", "2:7: kind: unknown kind StatefullSet (did you mean StatefulSet?)")]
    [InlineData("kind: StatefulSet", "kind: Gateway", "2:7: kind: unknown kind Gateway (known: ClusterRole, ClusterRoleBinding, ConfigMap, ControllerRevision, DaemonSet, Deployment, EndpointSlice, Endpoints, Event, Ingress, Job, Lease, Namespace, NetworkPolicy, Node, Pod, ReplicaSet, Role, RoleBinding, Secret, Service, ServiceAccount, ServiceCIDR, StatefulSet)")]
    [InlineData("kind: StatefulSet", "# no kind", "1:1: kind: is missing")]
    [InlineData("apiVersion: apps/v1", "apiVersion: apps/v1beta1", "1:13: apiVersion: StatefulSet is apps/v1, not apps/v1beta1")]
    [InlineData("name: nginx\n  ann", "ann", "4:3: metadata.name: is missing")]
    public void A_slip_is_named_with_its_place(string right, string wrong, string message)
    {
        var at = StatefulSet.IndexOf(right, StringComparison.Ordinal);
        Assert.True(at >= 0);
        var text = string.Concat(StatefulSet.AsSpan(0, at), wrong, StatefulSet.AsSpan(at + right.Length));
        var e = Assert.Throws<ManifestException>(() => Parse(text));
        Assert.Equal($"nginx.yaml:{message}", e.Message);
    }

    [Theory]
    [InlineData("a: [1, 2", "nginx.yaml:2:1: not YAML: While parsing a flow sequence")]
    [InlineData("a:\n\tb: 1", "nginx.yaml:2:1: not YAML: a tab where only spaces may indent")]
    [InlineData("{\"kind\": \"Pod\",\n \"spec\": }", "nginx.yaml:2:10: not JSON: '}' is an invalid start of a value.")]
    [InlineData("just words", "nginx.yaml:1:1: \"just words\", a string, not a Kubernetes object")]
    [InlineData("? [a]\n: 1", "nginx.yaml:1:3: a key must be a string")]
    public void What_is_not_YAML_or_JSON_is_named_with_its_place(string text, string message)
    {
        Assert.StartsWith(message, Assert.Throws<ManifestException>(() => Parse(text)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Aliases_of_aliases_do_not_eat_the_machine()
    {
        var text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: laughs\n  managedFields:\n  - fieldsV1:\n      a: &a [x,x,x,x,x,x,x,x,x,x]\n";
        for (var c = 'b'; c <= 'k'; c++)
            text += $"      {c}: &{c} [{string.Join(',', Enumerable.Repeat($"*{(char)(c - 1)}", 10))}]\n";
        var e = Assert.Throws<ManifestException>(() => Parse(text));
        Assert.EndsWith("metadata.managedFields[0].fieldsV1: its aliases make it too large", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{a: ")]
    [InlineData("- ")]
    public void Endless_nesting_is_an_error(string open)
    {
        Assert.Throws<ManifestException>(() => Parse(string.Concat(Enumerable.Repeat(open, 100_000))));
    }

    [Fact]
    public void Anchors_and_merges_give_what_they_stand_for()
    {
        var read = Parse("""
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: a, labels: &labels {app: web, tier: front}, annotations: {<<: *labels, tier: back}}
            """);
        var meta = read[0].Object.Metadata;
        Assert.Equal("web", meta.Annotations["app"]);
        Assert.Equal("back", meta.Annotations["tier"]);
    }

    [Fact]
    public void A_directory_is_its_files_by_name_and_says_what_it_lacks()
    {
        var folder = Directory.CreateTempSubdirectory("podnet-manifests").FullName;
        try
        {
            Assert.Equal($"{folder}: no file in it ends in .yaml, .yml, .json", Assert.Throws<ManifestException>(() => ManifestReader.Read([folder])).Message);
            Assert.Equal($"{folder}/x.yaml: no such file", Assert.Throws<ManifestException>(() => ManifestReader.Read([$"{folder}/x.yaml"])).Message);
            File.WriteAllText($"{folder}/2.json", """{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"two"}}""");
            File.WriteAllText($"{folder}/1.yaml", "\uFEFFapiVersion: v1\nkind: Namespace\nmetadata: {name: one}\n");
            File.WriteAllText($"{folder}/README.md", "# not this");
            Assert.Equal(["one", "two"], ManifestReader.Read([folder]).Select(o => o.Object.Metadata.Name));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
