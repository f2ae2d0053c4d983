namespace Podnet.Local.Tests.ApiServer;

public sealed class KubectlTests
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

    [Fact]
    public async Task A_manifest_is_created_listed_and_deleted()
    {
        await using var server = await RunningServer.StartAsync();
        var created = server.KubectlText("create", "-f", server.Manifest(Nginx));
        Assert.Equal("statefulset.apps/nginx created\nservice/nginx created\n", created);

        var services = server.KubectlText("get", "services", "-o", "wide");
        Assert.Matches(@"^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE +SELECTOR\nnginx +ClusterIP +10.0.33.45 +<none> +80/TCP +\d+s +app=nginx\n$", services);
        Assert.Matches(@"^NAME +READY +AGE\nnginx +0/2 +\d+s\n$", server.KubectlText("get", "sts"));

        Assert.Equal("10.0.33.45", server.KubectlText("get", "svc", "nginx", "-o", "jsonpath={.spec.clusterIP}"));
        Assert.Contains("clusterIP: 10.0.33.45\n", server.KubectlText("get", "svc", "nginx", "-o", "yaml"), StringComparison.Ordinal);

        Assert.Equal("service \"nginx\" deleted\n", server.KubectlText("delete", "service", "nginx"));
        Assert.Contains("services \"nginx\" not found", server.Kubectl("get", "service", "nginx").StandardError, StringComparison.Ordinal);
    }
}
