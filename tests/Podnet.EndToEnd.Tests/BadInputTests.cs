using System.Net;
using System.Net.Sockets;
using Podnet.Linux;

namespace Podnet.EndToEnd.Tests;

/// <summary>What somebody can get wrong: one line that says what, where and what to do, and nothing left of the cluster.</summary>
public sealed class BadInputTests : IDisposable
{
    private const string Name = "e2e-bad";

    private readonly string _folder = Directory.CreateTempSubdirectory("podnet-bad-").FullName;

    [Theory]
    [InlineData("kind: StatefulSet", "kind: StatefulSett", ":15:7: kind: unknown kind StatefulSett")]
    [InlineData("replicas: 2", "replcas: 2", ":23:3: spec.replcas: unknown field of StatefulSet")]
    [InlineData("replicas: 2", "replicas: two", ":23:13: spec.replicas")]
    [InlineData("image: nginx", "image: No-Such-Image", "couldn't parse image name \"No-Such-Image\"")]
    [InlineData("clusterIP: 10.0.33.45", "clusterIP: 10.99.33.45", "10.99.33.45")]
    [InlineData("port: 80", "port: 70000", "70000")]
    public void A_slip_in_the_objects_is_said_with_its_place(string right, string wrong, string message)
    {
        var file = Write("nginx.yaml", File.ReadAllText(Repository.Example("nginx.yaml")).Replace(right, wrong));
        AssertRefused(2, message, "--config", Repository.Example("cluster.yaml"), "-f", file);
    }

    [Theory]
    [InlineData("podSubnet: 10.240.0.0/16", "podSubnet: 10.0.0.0/8", ":6:3: networking.serviceSubnet: 10.0.0.0/16 overlaps")]
    [InlineData("podCIDR: 10.240.0.32/27", "podCIDR: 10.240.0.16/28", ":13:3: nodes[1].podCIDR: 10.240.0.16/28 overlaps 10.240.0.0/27 of node-1")]
    [InlineData("podCIDR: 10.240.0.32/27", "podCIDR: 10.240.0.32/33", "\"10.240.0.32/33\" is no CIDR")]
    [InlineData("name: node-2", "name: node-1", "\"node-1\" is taken by another node")]
    [InlineData("kubeProxyMode: iptables", "kubeProxyMod: iptables", ":7:3: networking.kubeProxyMod: unknown field")]
    [InlineData("kubeProxyMode: iptables", "kubeProxyMode: ipvs", "\"ipvs\" is unknown")]
    [InlineData("nodes:", "nodes: [", "not YAML")]
    public void A_slip_in_the_config_is_said_with_its_place(string right, string wrong, string message)
    {
        var file = Write("cluster.yaml", File.ReadAllText(Repository.Example("cluster.yaml")).Replace(right, wrong));
        AssertRefused(2, message, "--config", file);
    }

    [Fact]
    public void A_port_that_is_taken_is_named()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;
        var file = Write("cluster.yaml", File.ReadAllText(Repository.Example("cluster.yaml")).Replace("networking:", $"networking:\n  apiServerPort: {port}"));
        AssertRefused(1, $"127.0.0.1:{port} is taken by another program", "--config", file);
    }

    [Fact]
    public void A_missing_program_is_named_with_its_package() =>
        AssertRefused(1, "apt-get install runc", Only("iptables-save", "iptables-restore"));

    [Fact]
    public void An_image_that_only_a_registry_could_have_needs_skopeo()
    {
        var file = Write("nginx.yaml", File.ReadAllText(Repository.Example("nginx.yaml")).Replace("image: nginx", "image: no-such-program"));
        AssertRefused(2, "skopeo, which would pull it, is not installed (apt-get install skopeo)", Only("iptables-save", "iptables-restore", "runc"), "-f", file);
    }

    [Fact]
    public void Who_is_not_root_is_told_so()
    {
        // Copied, as a checkout need not be readable for everybody.
        var podnet = Path.Combine(_folder, "podnet");
        File.Copy(Repository.Podnet, podnet);
        File.SetUnixFileMode(_folder, File.GetUnixFileMode("/usr"));
        var result = ChildProcess.Run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", podnet, "up", "--name", Name);
        Assert.Equal(1, result.Status.Code);
        Assert.Contains("run this as root", result.StandardError, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("up", "--nodse", "3")]
    [InlineData("up", "--nodes", "0")]
    [InlineData("up", "--proxy-mode", "ipvs")]
    [InlineData("up", "--name", "Über")]
    [InlineData("explain", "pod", "nginx")]
    [InlineData("frobnicate")]
    public void A_command_line_that_makes_no_sense_ends_with_2(params string[] arguments)
    {
        var result = LocalCluster.Try(arguments);
        Assert.Equal(2, result.Status.Code);
        Assert.StartsWith("podnet: ", result.StandardError, StringComparison.Ordinal);
        Assert.Single(result.StandardError.TrimEnd().Split('\n'));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>A PATH with these programs alone.</summary>
    private Dictionary<string, string?> Only(params string[] programs)
    {
        var path = Path.Combine(_folder, "path");
        Directory.CreateDirectory(path);
        foreach (var program in programs)
            File.CreateSymbolicLink(Path.Combine(path, program), $"/usr/sbin/{program}");
        return new Dictionary<string, string?> { ["PATH"] = path, ["DOTNET_ROOT"] = DotnetRoot() };
    }

    private static string DotnetRoot() => Path.GetDirectoryName(Environment.ProcessPath) is { } own && File.Exists($"{own}/dotnet")
        ? own
        : Path.GetDirectoryName(new FileInfo("/usr/bin/dotnet").ResolveLinkTarget(returnFinalTarget: true)!.FullName)!;

    private static void AssertRefused(int code, string message, params string[] arguments) =>
        AssertRefused(code, message, new Dictionary<string, string?>(), arguments);

    private static void AssertRefused(int code, string message, Dictionary<string, string?> environment, params string[] arguments)
    {
        var before = MachineState.Capture(Name);
        var result = ChildProcess.Run(
            new ProcessStart(Repository.Podnet, ["up", "--name", Name, .. arguments]) { Environment = environment }, default, TimeSpan.FromMinutes(2));
        Assert.True(code == result.Status.Code, $"{result.Status}: {result.StandardError}{result.StandardOutput}");
        Assert.Contains(message, result.StandardError, StringComparison.Ordinal);
        Assert.Single(result.StandardError.TrimEnd().Split('\n'));
        Assert.Equal(before, MachineState.Capture(Name));
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
