using System.Globalization;
using Podnet.Fixtures;
using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.EndToEnd.Tests;

/// <summary>The command as somebody types it, in a namespace of the test's own.</summary>
public sealed class SyncTests : IDisposable
{
    private static readonly string Nodes = Repository.Fixture("rules/nodes.json");

    private readonly Kernel _kernel = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("podnet-sync-").FullName;

    public static TheoryData<string> Fixtures() =>
        [.. Directory.GetDirectories(Repository.Fixture("rules")).Select(folder => Path.GetFileName(folder)!).Order(StringComparer.Ordinal)];

    public void Dispose()
    {
        _kernel.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void In_iptables_mode_the_kernel_has_the_rules_of_kube_proxy(string name)
    {
        string[] arguments = [.. Fixture(name), "--proxy-mode", "iptables"];
        Assert.Equal(1, Sync([.. arguments, "--dry-run"]).Code);
        Assert.Empty(_kernel.Run("iptables-save"));
        Assert.Equal(0, Sync(arguments).Code);
        AssertSaved(name, "iptables-save");
        AssertSaved(name, "ip6tables-save");
        Assert.Equal((0, "", ""), Sync([.. arguments, "--dry-run"]));
    }

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void In_nftables_mode_nothing_is_left_to_do_afterwards(string name)
    {
        Assert.Equal(1, Sync([.. Fixture(name), "--dry-run"]).Code);
        Assert.Empty(_kernel.Run("nft", "list", "ruleset"));
        Assert.Equal(0, Sync(Fixture(name)).Code);
        Assert.Equal((0, "", ""), Sync([.. Fixture(name), "--dry-run"]));
        Assert.Equal((0, "", ""), Sync(Fixture(name)));
    }

    [Theory]
    [InlineData("", "there is no Node, Service, EndpointSlice or ServiceCIDR")]
    [InlineData("# nothing\n---\n", "there is no Node, Service, EndpointSlice or ServiceCIDR")]
    [InlineData("apiVersion: v1\nkind: Service\nmetadata: { name: a }\nspec: { prots: [] }\n", ":4:9: spec.prots: unknown field of Service")]
    [InlineData("apiVersion: v1\nkind: Node\nmetadata: { name: a }\n---\napiVersion: v1\nkind: Node\nmetadata: { name: a }\n", ":5: Node a is there already, at ")]
    [InlineData("apiVersion: v1\nkind: Service\nmetadata: { name: a }\n---\napiVersion: v1\nkind: Service\nmetadata: { name: a, namespace: default }\n", "Service default/a is there already")]
    [InlineData("apiVersion: v1\nkind: Node\nmetadata: { name: b }\n", "--node-name node-1: the files have no such Node, but b")]
    [InlineData("apiVersion: v1\nkind: Node\nmetadata: { name: \"a\u00ff\" }\n", "not UTF-8: the byte ff")]
    [InlineData("{ \"apiVersion\": \"v1\", ", "not JSON")]
    public void What_cannot_be_meant_is_refused_in_one_line_and_nothing_is_written(string text, string message)
    {
        var file = Path.Combine(_folder, "objects.yaml");
        File.WriteAllText(file, text, System.Text.Encoding.Latin1);
        var (code, output, error) = Sync("-f", file, "--node-name", "node-1");
        Assert.Equal((2, ""), (code, output));
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
        Assert.Empty(_kernel.Run("nft", "list", "ruleset"));
    }

    [Theory]
    [InlineData("--node-name is missing: the files have the Nodes node-1, node-2")]
    [InlineData("--proxy-mode: ipvs is a mode that Podnet has not", "--node-name", "node-1", "--proxy-mode", "ipvs")]
    [InlineData("--cluster-cidr: \"10.0.0.0\" is no CIDR", "--node-name", "node-1", "--cluster-cidr", "10.0.0.0")]
    public void A_flag_that_is_wrong_is_named(string message, params string[] arguments)
    {
        var (code, _, error) = Sync(["-f", Nodes, .. arguments]);
        Assert.Equal(2, code);
        Assert.Contains(message, error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_left_out_is_said_with_its_place_and_all_else_is_written()
    {
        var file = Path.Combine(_folder, "objects.yaml");
        File.WriteAllText(file, """
            apiVersion: v1
            kind: List
            items:
            - { apiVersion: v1, kind: Node, metadata: { name: node-9 } }
            - { apiVersion: example.com/v1, kind: Unheard, whatever: [] }
            - { apiVersion: apps/v1, kind: Deployment, nonsense: true }
            - { apiVersion: v1, kind: Service, metadata: { name: bad }, spec: { clusterIP: 10.0.0.1, ports: [{ port: 0 }] } }
            - { apiVersion: v1, kind: Service, metadata: { name: young }, spec: { ports: [{ port: 80 }] } }
            - { apiVersion: v1, kind: Service, metadata: { name: good }, spec: { clusterIP: 10.0.0.3, ports: [{ port: 80 }] } }
            """);
        var (code, output, error) = Sync("-f", file);
        Assert.Equal(0, code);
        Assert.Contains("Services: ", output, StringComparison.Ordinal);
        Assert.Equal($"""
            podnet: left out, being nothing to a node's network: 1 Deployment, 1 Unheard
            podnet: {file}:7: Service default/bad is left out: spec.ports[0].port: 0 is not a port
            podnet: {file}:8: Service default/young is left out: spec.clusterIP: is missing, and only an API server gives it one

            """, error);
        var rules = _kernel.Run("nft", "list", "map", "ip", "podnet", "no-endpoints");
        Assert.Contains("10.0.0.3 . tcp . 80", rules, StringComparison.Ordinal);
        Assert.DoesNotContain("10.0.0.1", rules, StringComparison.Ordinal);
    }

    [Fact]
    public void Standard_input_and_the_servers_own_lists_are_read_also_large_ones()
    {
        var annotation = new string('x', 60_000);
        var items = string.Join(",\n", Enumerable.Range(0, 200).Select(i => string.Create(CultureInfo.InvariantCulture,
            $$"""{ "metadata": { "name": "s{{i}}", "namespace": "big", "annotations": { "a": "{{annotation}}" } }, "spec": { "clusterIP": "10.0.1.{{i}}", "ports": [{ "port": 80 }] } }""")));
        var text = $$"""{ "apiVersion": "v1", "kind": "ServiceList", "items": [{{items}}] }""";
        Assert.True(text.Length > 10 << 20);
        var (code, _, error) = SyncWith(text, "-f", "-", "--node-name", "node-1");
        Assert.Equal((0, "podnet: the files have no Node: routes and egress stay as they are\n"), (code, error));
        Assert.Contains("10.0.1.199 . tcp . 80", _kernel.Run("nft", "list", "map", "ip", "podnet", "no-endpoints"), StringComparison.Ordinal);
    }

    private static string[] Fixture(string name) =>
    [
        "-f", Repository.Fixture($"rules/{name}"), "-f", Nodes, "--node-name", "node-1", "--cluster-cidr", "10.240.0.0/16,fd00:240::/56",
    ];

    private void AssertSaved(string name, string program)
    {
        var file = Repository.Fixture($"rules/{name}/{program}.txt");
        if (File.Exists(file))
            Assert.Equal(SavedRules.Normalize(File.ReadAllText(file)), SavedRules.Normalize(_kernel.Run(program)));
    }

    private (int? Code, string Output, string Error) Sync(params string[] arguments) => SyncWith("", arguments);

    private (int? Code, string Output, string Error) SyncWith(string input, params string[] arguments) => _kernel.In(() =>
    {
        var start = new ProcessStart(Repository.Podnet, ["sync", .. arguments]);
        var result = ChildProcess.Run(start, System.Text.Encoding.UTF8.GetBytes(input), TimeSpan.FromMinutes(2));
        return ((int?)result.Status.Code, result.StandardOutput, result.StandardError);
    });
}
