using System.Text;
using System.Text.Json.Nodes;
using Podnet.Linux;
using Podnet.Netlink;
using Podnet.Testing;

namespace Podnet.EndToEnd.Tests;

/// <summary>
/// bin/podnet-cni where the kernel refuses it something: strace lets one system call after the other fail, the first, the second, and so on until
/// there is none left. A netlink answer that fails to be read (recvfrom) is one whose request was carried out.
/// </summary>
public sealed class NativePluginFaultTests : IDisposable
{
    private readonly Kernel _node = new();
    private readonly NetworkNamespace _pod = NetworkNamespace.CreateAnonymous();
    private readonly string _folder = Directory.CreateTempSubdirectory("podnet-cni-").FullName;

    public void Dispose()
    {
        _node.Dispose();
        _pod.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("sendto", "ENOBUFS", 20)]
    [InlineData("recvfrom", "ENOBUFS", 30)]
    [InlineData("socket", "EMFILE", 4)]
    [InlineData("bind", "ENOMEM", 4)]
    [InlineData("setsockopt", "ENOBUFS", 12)]
    [InlineData("setns", "ENOMEM", 4)]
    [InlineData("openat", "EMFILE", 20)]
    [InlineData("write", "ENOSPC", 10)]
    [InlineData("mkdir", "ENOSPC", 1)]
    [InlineData("flock", "ENOLCK", 1)]
    [InlineData("getdents64", "EIO", 2)]
    public void Add_leaves_nothing_where_a_call_fails(string call, string errno, int atLeast)
    {
        Succeed("ADD");
        Succeed("DEL");
        var before = Show();
        var points = EachPoint(call, errno, "ADD", (point, result) =>
        {
            if (result.Succeeded)
                Succeed("CHECK", JsonNode.Parse(result.StandardOutput));
            else
                Assert.True(before == Show(), $"{point} left:\n{Show()}");
            if (result.Status.ShellCode == 1 && result.StandardOutput.Length > 0)
                Assert.NotNull(JsonNode.Parse(result.StandardOutput)!["code"]);
            Succeed("DEL");
            Assert.True(before == Show(), $"after {point}, DEL left:\n{Show()}");
        });
        Assert.InRange(points, atLeast, int.MaxValue);
    }

    [Theory]
    [InlineData("sendto", "ENOBUFS", 15)]
    [InlineData("recvfrom", "ENOBUFS", 20)]
    [InlineData("socket", "EMFILE", 4)]
    [InlineData("clone", "EAGAIN", 1)] // no process may be started any more: it does without
    [InlineData("openat", "EMFILE", 4)]
    [InlineData("newfstatat", "EACCES", 1)]
    [InlineData("flock", "ENOLCK", 1)]
    [InlineData("getdents64", "EIO", 2)]
    [InlineData("unlink", "EIO", 2)]
    public void Delete_where_a_call_fails_says_so_and_the_next_one_leaves_nothing(string call, string errno, int atLeast)
    {
        Succeed("ADD");
        Succeed("DEL");
        var before = Show();
        Succeed("ADD");
        var points = EachPoint(call, errno, "DEL", (point, result) =>
        {
            if (result.Succeeded)
                Assert.True(before == Show(), $"{point} left:\n{Show()}");
            Assert.True(result.Succeeded || call != "clone", result.StandardOutput);
            Succeed("DEL");
            Assert.True(before == Show(), $"after {point}, DEL left:\n{Show()}");
            Succeed("ADD");
        });
        Assert.InRange(points, atLeast, int.MaxValue);
    }

    /// <summary>One call of the plugin for each system call of that name that it makes. How many there were.</summary>
    private int EachPoint(string call, string errno, string command, Action<string, ProcessResult> check)
    {
        const int arbitrary = 500; // far more than it makes
        var log = $"{_folder}/strace";
        for (var i = 1; i < arbitrary; i++)
        {
            var result = Run(command, null, "strace", "-f", "-qq", "-o", log, "-e", $"trace={call}", "-e", $"inject={call}:error={errno}:when={i}");
            var injected = File.ReadLines(log).FirstOrDefault(line => line.EndsWith("(INJECTED)", StringComparison.Ordinal));
            if (injected is null)
            {
                Assert.True(result.Succeeded, result.StandardOutput + result.StandardError);
                return i - 1;
            }

            check(injected, result);
        }

        throw new InvalidOperationException($"{command} makes {arbitrary} calls of {call}");
    }

    /// <summary>All that the plugin could leave behind.</summary>
    private string Show()
    {
        var text = new StringBuilder();
        foreach (var @namespace in (NetworkNamespace[])[_node.Namespace, _pod])
        {
            using var socket = RouteSocket.OpenIn(@namespace);
            text.AppendJoin('\n', socket.Links().Select(link => link.Name)).AppendLine();
            text.AppendJoin('\n', socket.Routes().Where(route => route.Protocol is RouteProtocol.Podnet or RouteProtocol.Static).Select(route => route.ToString())).AppendLine();
            text.AppendJoin('\n', socket.Neighbours().Where(n => n.State.HasFlag(NeighbourState.Permanent)).Select(n => n.ToString())).AppendLine();
        }

        text.AppendJoin('\n', _node.Run("nft", "list", "table", "inet", "podnet-host-ports").Split('\n').Where(line => line.Contains("comment \"pn", StringComparison.Ordinal))).AppendLine();
        return text.AppendJoin('\n', Directory.GetFiles($"{_folder}/podnet").Select(Path.GetFileName).Order(StringComparer.Ordinal)).ToString();
    }

    private void Succeed(string command, JsonNode? previous = null)
    {
        var result = Run(command, previous);
        Assert.True(result.Succeeded, $"{command}: {result.StandardOutput}{result.StandardError}");
    }

    private ProcessResult Run(string command, JsonNode? previous, params string[] under)
    {
        string[] line = [.. under, Repository.Built("podnet-cni")];
        var start = new ProcessStart(line[0], line[1..])
        {
            Environment = new Dictionary<string, string?>
            {
                ["CNI_COMMAND"] = command,
                ["CNI_CONTAINERID"] = "c1",
                ["CNI_NETNS"] = $"/proc/{Environment.ProcessId}/fd/{_pod.Descriptor}",
                ["CNI_IFNAME"] = "eth0",
                ["CNI_PATH"] = "/nowhere",
            },
        };
        return _node.In(() => ChildProcess.Run(start, Encoding.UTF8.GetBytes(Config(previous)), ChildProcess.DefaultTimeout));
    }

    /// <summary>One that takes every step that there is.</summary>
    private string Config(JsonNode? previous)
    {
        var config = JsonNode.Parse("""
            {"cniVersion":"1.1.0","name":"podnet","type":"podnet-cni","mtu":1450,
             "runtimeConfig":{
               "portMappings":[{"hostPort":8080,"containerPort":80},{"hostPort":53,"containerPort":53,"protocol":"udp"}],
               "bandwidth":{"ingressRate":10000000,"egressRate":10000000}}}
            """)!;
        config["ipam"] = new JsonObject
        {
            ["dataDir"] = _folder,
            ["ranges"] = JsonNode.Parse("""[[{"subnet":"10.5.0.0/24"}],[{"subnet":"fd00:5::/64"}]]"""),
        };
        config["prevResult"] = previous;
        return config.ToJsonString();
    }
}
