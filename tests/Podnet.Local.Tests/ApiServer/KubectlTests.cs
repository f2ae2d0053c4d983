using System.Text.Json.Nodes;

namespace Podnet.Local.Tests.ApiServer;

/// <summary>What a person types, by the kubectl of this machine.</summary>
public sealed class KubectlTests : IAsyncLifetime
{
    private const string Nginx = """
        apiVersion: apps/v1
        kind: StatefulSet
        metadata:
          name: nginx
          annotations:
            podnet.dev/pod-ips: 10.240.0.28,10.240.0.57
        spec:
          serviceName: nginx
          replicas: 2
          selector:
            matchLabels: {app: nginx}
          template:
            metadata:
              labels: {app: nginx}
            spec:
              containers:
              - name: nginx
                image: nginx
                ports:
                - containerPort: 80
        ---
        apiVersion: v1
        kind: Service
        metadata:
          name: nginx
        spec:
          clusterIP: 10.0.33.45
          selector: {app: nginx}
          ports:
          - name: web
            port: 80
        """;

    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public void A_manifest_is_created_listed_and_deleted()
    {
        var created = _server.KubectlText("create", "-f", _server.Manifest(Nginx));
        Assert.Equal("statefulset.apps/nginx created\nservice/nginx created\n", created);

        Assert.Matches(@"^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE +SELECTOR\nnginx +ClusterIP +10.0.33.45 +<none> +80/TCP +\d+s +app=nginx\n$",
            _server.KubectlText("get", "services", "-o", "wide"));
        var all = _server.KubectlText("get", "all");
        Assert.Matches(@"NAME +READY +AGE\nstatefulset.apps/nginx +0/2 +\d+s\n$", all);
        Assert.Contains("service/nginx ", all, StringComparison.Ordinal);

        Assert.Equal("10.0.33.45", _server.KubectlText("get", "svc", "nginx", "-o", "jsonpath={.spec.clusterIP}"));
        Assert.Contains("\n  clusterIP: 10.0.33.45\n", _server.KubectlText("get", "svc", "nginx", "-o", "yaml"), StringComparison.Ordinal);
        Assert.Contains("\"clusterIP\": \"10.0.33.45\"", _server.KubectlText("get", "svc", "nginx", "-o", "json"), StringComparison.Ordinal);
        Assert.Equal("service/nginx\n", _server.KubectlText("get", "svc", "-o", "name"));
        Assert.Matches(@"^Name: +nginx\n(.|\n)*IP: +10.0.33.45\n(.|\n)*Events: +<none>\n$", _server.KubectlText("describe", "service", "nginx"));

        Assert.Equal("service \"nginx\" deleted\n", _server.KubectlText("delete", "service", "nginx"));
        Assert.Equal("Error from server (NotFound): services \"nginx\" not found\n", _server.Kubectl("get", "service", "nginx").StandardError);
    }

    [Fact]
    public void Apply_creates_then_finds_nothing_to_do_then_changes_only_what_changed()
    {
        var manifest = _server.Manifest(Nginx);
        Assert.Equal("statefulset.apps/nginx created\nservice/nginx created\n", _server.KubectlText("apply", "-f", manifest));
        Assert.Equal("statefulset.apps/nginx unchanged\nservice/nginx unchanged\n", _server.KubectlText("apply", "-f", manifest));
        var changed = _server.Manifest(Nginx.Replace("image: nginx", "image: nginx:1.22", StringComparison.Ordinal));
        Assert.Equal("statefulset.apps/nginx configured\nservice/nginx unchanged\n", _server.KubectlText("apply", "-f", changed));
        Assert.Equal("nginx:1.22 80", _server.KubectlText("get", "sts", "nginx", "-o",
            "jsonpath={.spec.template.spec.containers[0].image} {.spec.template.spec.containers[0].ports[0].containerPort}"));
        _server.KubectlText("diff", "-f", changed);
    }

    [Fact]
    public void Objects_are_labelled_annotated_patched_and_scaled()
    {
        _server.KubectlText("create", "-f", _server.Manifest(Objects.Deployment("web").Replace("\"name\":\"c\"", "\"name\":\"nginx\"", StringComparison.Ordinal)));
        Assert.Equal("deployment.apps/web labeled\n", _server.KubectlText("label", "deployment", "web", "tier=front"));
        Assert.Equal("deployment.apps/web annotated\n", _server.KubectlText("annotate", "deployment", "web", "note=hello there"));
        _server.KubectlText("label", "deployment", "web", "tier-");
        _server.KubectlText("patch", "deployment", "web", "-p", """{"spec":{"template":{"spec":{"containers":[{"name":"nginx","env":[{"name":"A","value":"1"}]}]}}}}""");
        _server.KubectlText("patch", "deployment", "web", "--type=merge", "-p", """{"spec":{"minReadySeconds":3}}""");
        _server.KubectlText("patch", "deployment", "web", "--type=json", "-p", """[{"op":"replace","path":"/spec/revisionHistoryLimit","value":4}]""");
        Assert.Equal("deployment.apps/web scaled\n", _server.KubectlText("scale", "deployment", "web", "--replicas=5"));
        _server.KubectlText("set", "image", "deployment/web", "nginx=nginx:2");
        Assert.Equal("5 3 4 hello there nginx:2 1 nginx", _server.KubectlText("get", "deploy", "web", "-o", "jsonpath={.spec.replicas} {.spec.minReadySeconds} "
            + "{.spec.revisionHistoryLimit} {.metadata.annotations.note} {.spec.template.spec.containers[0].image} "
            + "{.spec.template.spec.containers[0].env[0].value} {.spec.template.spec.containers[0].name}"));
        Assert.Equal("", _server.KubectlText("get", "deploy", "web", "-o", "jsonpath={.metadata.labels.tier}"));
        Assert.Equal("service/web exposed\n", _server.KubectlText("expose", "deployment", "web", "--port=80", "--type=NodePort"));
    }

    [Fact]
    public void Pods_are_run_selected_and_described()
    {
        _server.KubectlText("run", "a", "--image=nginx", "--labels=tier=web");
        _server.KubectlText("run", "b", "--image=nginx");
        Assert.Matches(@"^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES\na +0/1 +Pending +0 +\d+s +<none> +<none> +<none> +<none>\nb .*\n$",
            _server.KubectlText("get", "pods", "-o", "wide"));
        Assert.Equal("pod/a\n", _server.KubectlText("get", "pods", "-l", "tier in (web)", "-o", "name"));
        Assert.Equal("pod/b\n", _server.KubectlText("get", "pods", "--field-selector", "metadata.name=b", "-o", "name"));
        Assert.Matches(@"^NAMESPACE +NAME +", _server.KubectlText("get", "pods", "-A", "--sort-by=.metadata.name"));
        Assert.Matches(@"^Name: +a\n(.|\n)*Status: +Pending\n", _server.KubectlText("describe", "pod", "a"));
        Assert.Equal("pod \"a\" deleted\npod \"b\" deleted\n", _server.KubectlText("delete", "pods", "--all"));
        Assert.Equal("No resources found in default namespace.\n", _server.Kubectl("get", "pods").StandardError);
    }

    [Fact]
    public async Task Get_with_w_follows_changes()
    {
        await _server.CreateAsync("pods", Objects.Pod("a"));
        var shown = Task.Run(() => _server.Kubectl("get", "pods", "-w", "--request-timeout=4s"));
        // kubectl lists first and watches from there, so the change is seen whether it comes before or after.
        await _server.OkAsync("PATCH", "/api/v1/namespaces/default/pods/a", """{"spec":{"nodeName":"node-1"}}""", "application/merge-patch+json");
        await _server.CreateAsync("pods", Objects.Pod("b"));
        var lines = (await shown).StandardOutput.Split('\n');
        Assert.StartsWith("NAME", lines[0], StringComparison.Ordinal);
        Assert.Contains(lines, l => l.StartsWith("a ", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.StartsWith("b ", StringComparison.Ordinal));
        Assert.Single(lines, l => l.StartsWith("NAME", StringComparison.Ordinal));
    }

    [Fact]
    public void The_server_checks_manifests_and_kubectl_prints_its_words()
    {
        var wrong = _server.Manifest(Nginx.Replace("serviceName: nginx", "serviceNme: nginx", StringComparison.Ordinal));
        Assert.Contains("Error from server (BadRequest): error when creating", _server.Kubectl("create", "-f", wrong).StandardError, StringComparison.Ordinal);
        Assert.Contains("strict decoding error: unknown field \"spec.serviceNme\"", _server.Kubectl("apply", "-f", wrong).StandardError, StringComparison.Ordinal);
        Assert.Equal("The Service \"x\" is invalid: spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive\n",
            _server.Kubectl("create", "-f", _server.Manifest("""
                {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"ports": [{"port": 70000, "targetPort": 80}]}}
                """)).StandardError);
        Assert.Equal("error: the server doesn't have a resource type \"cronjobs\"\n", _server.Kubectl("get", "cronjobs").StandardError);
    }

    [Fact]
    public void Discovery_names_every_kind()
    {
        var resources = _server.KubectlText("api-resources", "--no-headers", "-o", "name").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(
            [
                "clusterrolebindings.rbac.authorization.k8s.io", "clusterroles.rbac.authorization.k8s.io",
                "configmaps", "controllerrevisions.apps", "daemonsets.apps", "deployments.apps", "endpoints", "endpointslices.discovery.k8s.io",
                "events", "ingresses.networking.k8s.io", "jobs.batch", "leases.coordination.k8s.io",
                "localsubjectaccessreviews.authorization.k8s.io", "namespaces",
                "networkpolicies.networking.k8s.io", "nodes", "pods", "replicasets.apps", "rolebindings.rbac.authorization.k8s.io",
                "roles.rbac.authorization.k8s.io", "secrets",
                "selfsubjectaccessreviews.authorization.k8s.io", "selfsubjectreviews.authentication.k8s.io",
                "selfsubjectrulesreviews.authorization.k8s.io", "serviceaccounts", "servicecidrs.networking.k8s.io", "services",
                "statefulsets.apps", "subjectaccessreviews.authorization.k8s.io", "tokenreviews.authentication.k8s.io",
            ],
            resources.Order(StringComparer.Ordinal));
        Assert.Matches(@"^NAME +CIDRS +AGE\nkubernetes +10\.0\.0\.0/16 +\d+s\n$", _server.KubectlText("get", "servicecidrs"));
        Assert.Contains("Server Version: v1.32", _server.KubectlText("version"), StringComparison.Ordinal);
        Assert.Matches(@"^NAME +STATUS +AGE\ndefault +Active +\d+s\nkube-node-lease ", _server.KubectlText("get", "ns"));
    }

    /// <summary>Since 1.32 these commands send protobuf.</summary>
    [Fact]
    public void What_kubectl_makes_itself_is_what_its_dry_run_shows()
    {
        string[][] commands =
        [
            ["create", "deployment", "web", "--image=nginx", "--replicas=0", "--port=80"],
            ["create", "configmap", "settings", "--from-literal=a=b"],
            ["create", "secret", "generic", "keys", "--from-literal=password=x"],
            ["create", "serviceaccount", "robot"],
            ["create", "job", "hello", "--image=busybox", "--", "echo", "hi"],
            ["create", "ingress", "web", "--rule=example.com/a*=web:80"],
            ["create", "service", "nodeport", "web", "--tcp=80:8080", "--node-port=30123"],
            ["create", "service", "clusterip", "headless", "--clusterip=None"],
            ["create", "namespace", "demo"],
        ];
        foreach (var command in commands)
        {
            var end = Array.IndexOf(command, "--");
            string[] dry = end < 0 ? [.. command, "--dry-run=client", "-o", "json"] : [.. command[..end], "--dry-run=client", "-o", "json", .. command[end..]];
            var shown = JsonNode.Parse(_server.KubectlText(dry))!;
            _server.KubectlText(command);
            var kind = shown["kind"]!.GetValue<string>();
            var made = JsonNode.Parse(_server.KubectlText("get", kind, shown["metadata"]!["name"]!.GetValue<string>(), "-o", "json"))!;
            AssertContains(made, shown, kind);
        }
    }

    [Fact]
    public void Explain_knows_fields_of_every_depth()
    {
        var text = _server.KubectlText("explain", "deployment.spec.template.spec.containers.ports");
        Assert.StartsWith("GROUP:      apps\nKIND:       Deployment\nVERSION:    v1\n\nFIELD: ports <[]ContainerPort>\n", text, StringComparison.Ordinal);
        Assert.Contains("  containerPort\t<integer> -required-\n    Number of port to expose on the pod's IP address.", text, StringComparison.Ordinal);
        Assert.Contains("    maxSurge\t<IntOrString>\n", _server.KubectlText("explain", "deployment.spec.strategy", "--recursive"), StringComparison.Ordinal);
        Assert.Equal("error: field \"nosuch\" does not exist\n", _server.Kubectl("explain", "pod.spec.nosuch").StandardError);
    }

    [Fact]
    public void Whoever_has_the_token_may_do_everything()
    {
        Assert.Equal("yes\n", _server.KubectlText("auth", "can-i", "create", "pods"));
        Assert.Matches(@"^ATTRIBUTE +VALUE\nUsername +kubernetes-admin\n", _server.KubectlText("auth", "whoami"));
    }

    private static void AssertContains(JsonNode? whole, JsonNode? part, string path)
    {
        switch (part)
        {
            case JsonObject fields:
                foreach (var (name, value) in fields.Where(f => f.Value is not null && f.Key is not ("status" or "template")))
                    AssertContains(whole?[name], value, $"{path}.{name}");
                break;
            case JsonArray { Count: > 0 } items:
                for (var i = 0; i < items.Count; i++)
                    AssertContains(whole?[i], items[i], $"{path}[{i}]");
                break;
            case JsonValue value:
                Assert.True(JsonNode.DeepEquals(value, whole), $"{path}: {value.ToJsonString()} became {whole?.ToJsonString() ?? "nothing"}");
                break;
        }
    }

    [Fact]
    public void The_ServiceCIDR_is_the_one_of_the_configuration_and_stays()
    {
        Assert.Contains("it is where the cluster IPs come from", _server.Kubectl("delete", "servicecidr", "kubernetes").StandardError, StringComparison.Ordinal);
        Assert.Contains("Invalid value: [\"10.1.0.0/16\"]: field is immutable",
            _server.Kubectl("patch", "servicecidr", "kubernetes", "--type=merge", "-p", """{"spec":{"cidrs":["10.1.0.0/16"]}}""").StandardError,
            StringComparison.Ordinal);
        Assert.Contains("a local cluster has the ServiceCIDR \"kubernetes\" only", _server.Kubectl("create", "-f", _server.Manifest("""
            {"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": "more"}, "spec": {"cidrs": ["10.1.0.0/16"]}}
            """)).StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public void The_kubeconfig_is_for_its_owner_only() =>
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_server.Kubeconfig));
}
