using Podnet.Linux;

namespace Podnet.EndToEnd.Tests;

/// <summary>A Deployment whose pods say when they are ready and stay for a while when they are told to end.</summary>
public sealed class RollingUpdateTests : IDisposable
{
    private const string ClusterIP = "10.96.0.80:80";
    private const string NodePort = "10.99.0.2:30080";

    private const string Manifest = """
        apiVersion: v1
        kind: ConfigMap
        metadata: { name: pages }
        data: { version.html: "one" }
        ---
        apiVersion: apps/v1
        kind: Deployment
        metadata: { name: web }
        spec:
          replicas: 3
          selector: { matchLabels: { app: web } }
          template:
            metadata: { labels: { app: web } }
            spec:
              initContainers:
              - { name: wait, image: sh, command: [sh, -c, "test $POD_NAME"], env: [{ name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }] }
              containers:
              - name: nginx
                image: nginx
                ports: [{ name: http, containerPort: 80 }]
                env: [{ name: VERSION, value: "1" }]
                readinessProbe: { httpGet: { path: /, port: http }, periodSeconds: 1 }
                livenessProbe: { tcpSocket: { port: http }, periodSeconds: 1 }
                lifecycle: { preStop: { sleep: { seconds: 2 } } }
                volumeMounts: [{ name: pages, mountPath: /pages }]
              volumes: [{ name: pages, configMap: { name: pages } }]
        ---
        apiVersion: v1
        kind: Service
        metadata: { name: web }
        spec:
          type: NodePort
          clusterIP: 10.96.0.80
          selector: { app: web }
          ports: [{ name: http, port: 80, targetPort: http, nodePort: 30080 }]
        """;

    private readonly string _file = Path.GetTempFileName();
    private readonly LocalCluster _cluster;

    public RollingUpdateTests()
    {
        File.WriteAllText(_file, Manifest);
        _cluster = new LocalCluster("e2e-rolling", "-f", _file);
    }

    [Fact]
    public async Task A_rolling_update_under_a_steady_load_fails_not_one_request()
    {
        using var node = _cluster.Paths.OpenNode("node-1");
        using var outside = NetworkNamespace.OpenNamed(_cluster.Paths.OutsideNamespace);
        await using var inner = SteadyLoad.Start(node, ClusterIP);
        await using var outer = SteadyLoad.Start(outside, NodePort);

        _cluster.Kubectl("set", "env", "deployment/web", "VERSION=2");
        _cluster.Kubectl("rollout", "status", "deployment/web", "--timeout=120s");
        inner.Go();
        outer.Go();

        Assert.Empty(await inner.EndAsync());
        Assert.Empty(await outer.EndAsync());
        Assert.Equal("2\n", _cluster.Kubectl("exec", "deploy/web", "-c", "nginx", "--", "sh", "-c", "echo $VERSION"));
        Assert.Equal("one", _cluster.Kubectl("exec", "deploy/web", "-c", "nginx", "--", "cat", "/pages/version.html"));
        Assert.Contains("GET / HTTP/1.1\" 200", _cluster.Kubectl("logs", "deploy/web", "-c", "nginx", "--tail=1000"));
    }

    public void Dispose()
    {
        _cluster.Dispose();
        File.Delete(_file);
    }
}
