using System.Text.RegularExpressions;
using Podnet.Agent;
using Podnet.Kubernetes.Tests.Watching;
using Podnet.Testing;
using YamlDotNet.RepresentationModel;

namespace Podnet.Kubernetes.Tests.Agent;

/// <summary>deploy/podnet.yaml against what the agent does.</summary>
public sealed partial class DeployTests : IDisposable
{
    private const string Node = """{"metadata":{"name":"node-1","resourceVersion":"1","uid":"n"},"spec":{"podCIDRs":["10.240.0.0/27"]},"status":{"addresses":[{"type":"InternalIP","address":"10.99.0.2"}]}}""";
    private const string BadService = """{"metadata":{"name":"bad","namespace":"default","resourceVersion":"1"},"spec":{"clusterIP":"10.0.0.1","ports":[{"port":0}]}}""";

    private readonly string _kubeconfig = Path.GetTempFileName();

    public void Dispose() => File.Delete(_kubeconfig);

    private static YamlMappingNode[] Documents()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Podnet.slnx")))
            folder = Path.GetDirectoryName(folder)!;
        var yaml = new YamlStream();
        using var file = File.OpenText(Path.Combine(folder, "deploy", "podnet.yaml"));
        yaml.Load(file);
        return [.. yaml.Documents.Select(document => (YamlMappingNode)document.RootNode)];
    }

    private static YamlNode Of(string kind) => Documents().Single(document => document["kind"].ToString() == kind);

    private static IEnumerable<string> Texts(YamlNode list) => ((YamlSequenceNode)list).Select(each => each.ToString());

    [Fact]
    public async Task The_ClusterRole_has_the_rights_that_the_agent_uses_and_no_others()
    {
        var granted =
            from rule in (YamlSequenceNode)Of("ClusterRole")["rules"]
            from api in Texts(rule["apiGroups"])
            from resource in Texts(rule["resources"])
            from verb in Texts(rule["verbs"])
            select $"{verb} {resource} {api}";
        var used = await UsedAsync();
        Assert.Equal(granted.Order(StringComparer.Ordinal), used.Order(StringComparer.Ordinal));
    }

    /// <summary>What an agent asks for that finds a Node of its own and a Service that it must leave out.</summary>
    private async Task<HashSet<string>> UsedAsync()
    {
        await using var server = await FakeApiServer.StartAsync();
        server.Answer = request => request.Path.Value switch
        {
            "/api/v1/nodes" => (200, $$"""{"metadata":{"resourceVersion":"7"},"items":[{{Node}}]}"""),
            "/api/v1/services" => (200, $$"""{"metadata":{"resourceVersion":"7"},"items":[{{BadService}}]}"""),
            "/api/v1/nodes/node-1" or "/api/v1/nodes/node-1/status" => (200, Node),
            var path when path!.EndsWith("/events", StringComparison.Ordinal) => (201, """{"metadata":{"name":"e","namespace":"default"}}"""),
            _ => (200, """{"metadata":{"resourceVersion":"7"},"items":[]}"""),
        };
        await File.WriteAllTextAsync(_kubeconfig, $$"""
            current-context: c
            contexts: [{name: c, context: {cluster: k} }]
            clusters: [{name: k, cluster: {server: "{{server.Address}}"} }]
            """);
        using var kernel = new Kernel();
        using var stop = new CancellationTokenSource();
        var log = new RecordingLogger();
        var options = new AgentOptions("node-1", _kubeconfig) { HealthzAddress = null, MetricsAddress = null };
        var running = kernel.In(() => NodeAgent.RunAsync(options, log, stop.Token));
        HashSet<string> used = [];
        await Poll.UntilAsync(
            () =>
            {
                used.UnionWith(server.Requests.Select(Right));
                return used.Contains("patch nodes/status ") && used.Contains("create events ") && used.Count(right => right.StartsWith("watch", StringComparison.Ordinal)) == 4;
            },
            () => string.Join('\n', [.. server.Requests, .. log.Lines]));
        await stop.CancelAsync();
        await running;
        return used;
    }

    /// <summary>"GET /apis/discovery.k8s.io/v1/endpointslices?watch=1" is "watch endpointslices discovery.k8s.io".</summary>
    private static string Right(string request)
    {
        var match = RequestLine().Match(request);
        Assert.True(match.Success, request);
        var (method, named) = (match.Groups["method"].Value, match.Groups["name"].Success);
        var verb = method switch
        {
            "GET" when match.Groups["query"].Value.Contains("watch=1", StringComparison.Ordinal) => "watch",
            "GET" => named ? "get" : "list",
            "POST" => "create",
            "PUT" => "update",
            _ => method.ToLowerInvariant(),
        };
        var part = match.Groups["part"].Success ? $"/{match.Groups["part"].Value}" : "";
        return $"{verb} {match.Groups["resource"].Value}{part} {match.Groups["api"].Value}";
    }

    [GeneratedRegex(@"^(?<method>[A-Z]+) /(api|apis/(?<api>[^/]+))/v\w+(/namespaces/[^/]+)?/(?<resource>\w+)(/(?<name>[^/?]+)(/(?<part>\w+))?)?(\?(?<query>.*))?$", RegexOptions.ExplicitCapture)]
    private static partial Regex RequestLine();

    [Fact]
    public void The_pod_is_of_the_nodes_network_goes_everywhere_and_has_one_capability()
    {
        var pod = Of("DaemonSet")["spec"]["template"]["spec"];
        Assert.Equal(("true", "system-node-critical", "podnet"),
            (pod["hostNetwork"].ToString(), pod["priorityClassName"].ToString(), pod["serviceAccountName"].ToString()));
        Assert.Equal("Exists", ((YamlSequenceNode)pod["tolerations"]).Single()["operator"].ToString());
        var container = ((YamlSequenceNode)pod["containers"]).Single();
        var security = container["securityContext"];
        Assert.Equal("true", security["readOnlyRootFilesystem"].ToString());
        Assert.Equal(["ALL"], Texts(security["capabilities"]["drop"]));
        Assert.Equal(["NET_ADMIN"], Texts(security["capabilities"]["add"]));
        var port = new AgentOptions("", null).HealthzAddress!.Port.ToString(System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(("/livez", port), Probe(container["livenessProbe"]));
        Assert.Equal(("/healthz", port), Probe(container["readinessProbe"]));
        var binding = Of("ClusterRoleBinding");
        Assert.Equal(Of("ClusterRole")["metadata"]["name"], binding["roleRef"]["name"]);
        Assert.Equal(Of("ServiceAccount")["metadata"]["name"], ((YamlSequenceNode)binding["subjects"]).Single()["name"]);
    }

    private static (string Path, string Port) Probe(YamlNode probe) => (probe["httpGet"]["path"].ToString(), probe["httpGet"]["port"].ToString());
}
