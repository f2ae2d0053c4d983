using System.Text.Json;
using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.EndToEnd.Tests;

/// <summary>A cluster in the mode that is the default, with a Service of each kind over the same pods.</summary>
public sealed class NftablesCase : IDisposable
{
    public const string NodePort = "10.99.0.2:30080";
    public const string ClusterIP = "10.96.0.80:80";
    public const string Sticky = "10.96.0.81:80";
    public const string Datagrams = "10.96.0.82:5353";

    /// <summary>Told to end, nginx serves on for a while: as long as endpoints that are going may still be asked.</summary>
    private const string Manifest = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: { name: web }
        spec:
          replicas: 2
          selector: { matchLabels: { app: web } }
          template:
            metadata: { labels: { app: web } }
            spec:
              containers:
              - name: nginx
                image: nginx
                command: [sh, -c, "nginx -g 'daemon off;' & trap 'sleep 2; nginx -s quit' QUIT; wait; wait"]
        ---
        apiVersion: v1
        kind: Service
        metadata: { name: web }
        spec:
          type: NodePort
          clusterIP: 10.96.0.80
          selector: { app: web }
          ports: [{ name: http, port: 80, nodePort: 30080 }]
        ---
        apiVersion: v1
        kind: Service
        metadata: { name: sticky }
        spec:
          clusterIP: 10.96.0.81
          sessionAffinity: ClientIP
          selector: { app: web }
          ports: [{ port: 80 }]
        ---
        apiVersion: v1
        kind: Service
        metadata: { name: datagrams }
        spec:
          clusterIP: 10.96.0.82
          selector: { app: web }
          ports: [{ port: 5353, protocol: UDP }]
        """;

    public NftablesCase()
    {
        var manifest = Path.GetTempFileName();
        File.WriteAllText(manifest, Manifest);
        Cluster = new LocalCluster("e2e-nft", "-f", manifest);
        File.Delete(manifest);
    }

    public LocalCluster Cluster { get; }

    /// <summary>The names of the pods that are not going.</summary>
    internal string[] Pods()
    {
        using var list = JsonDocument.Parse(Cluster.Kubectl("get", "pods", "-l", "app=web", "-o", "json"));
        return
        [
            .. from pod in list.RootElement.GetProperty("items").EnumerateArray()
               let meta = pod.GetProperty("metadata")
               where !meta.TryGetProperty("deletionTimestamp", out _)
               select meta.GetProperty("name").GetString()!,
        ];
    }

    /// <summary>"node/node-1", "outside", or "pod" for one of them.</summary>
    internal NetworkNamespace Open(string what) => what.Split('/') switch
    {
        ["node", var node] => Cluster.Paths.OpenNode(node),
        ["pod"] => OpenPod(Pods()[0]),
        _ => NetworkNamespace.OpenNamed(Cluster.Paths.OutsideNamespace),
    };

    internal NetworkNamespace OpenPod(string pod) =>
        NetworkNamespace.OfProcess(Cluster.Paths.SandboxPid("default", pod) ?? throw new InvalidOperationException($"{pod} has no sandbox"));

    internal string In(string node, string program, params string[] arguments)
    {
        using var inside = Cluster.Paths.OpenNode(node);
        return inside.Run(() => Tool.Run(program, arguments));
    }

    /// <summary>The tables of both IP families of a node without what they have counted and remembered, sorted: the order of a set's elements says nothing.</summary>
    internal string Ruleset(string node) => string.Join('\n', $"{In(node, "nft", "list", "ruleset", "ip")}{In(node, "nft", "list", "ruleset", "ip6")}"
        .Split(['\n', ','])
        .Where(part => !part.Contains("expires", StringComparison.Ordinal))
        .Select(part => string.Join(' ', Words(part)))
        .Where(part => part.Length > 0)
        .Order(StringComparer.Ordinal));

    /// <summary>How many connections each endpoint of an address got, as explain tells it.</summary>
    internal Dictionary<string, ulong> Connections(string node, string kind)
    {
        using var json = JsonDocument.Parse(Cluster.Podnet("explain", "service", "web", "--node", node, "-o", "json"));
        var address = json.RootElement.GetProperty("addresses").EnumerateArray().Single(one => one.GetProperty("kind").GetString() == kind);
        return address.GetProperty("ways").EnumerateArray().Single().GetProperty("endpoints").EnumerateArray()
            .ToDictionary(one => one.GetProperty("address").GetString()!, one => one.GetProperty("connections").GetUInt64());
    }

    public void Dispose() => Cluster.Dispose();

    /// <summary>Without "packets 12 bytes 720", and without the braces that stand wherever the first and the last element are.</summary>
    private static IEnumerable<string> Words(string part)
    {
        var words = part.Split([' ', '\t', '{', '}'], StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < words.Length; i++)
        {
            if (words[i] is "packets" or "bytes")
                i++;
            else if (words[i] is not ("elements" or "="))
                yield return words[i];
        }
    }
}

[CollectionDefinition(nameof(NftablesCase))]
public sealed class NftablesCaseCollection : ICollectionFixture<NftablesCase>;
