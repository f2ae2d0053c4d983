using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.EndToEnd.Tests;

/// <summary>bin/podnet-cni: what only native code does is to leave the end of a deletion to a child.</summary>
public sealed class NativePluginTests : IDisposable
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

    [Fact]
    public void Delete_ends_when_nobody_sees_the_link_any_more()
    {
        for (var round = 0; round < 20; round++)
        {
            Call("ADD");
            Assert.Contains("proto 80", _node.Run("ip", "route"));
            Call("DEL");
            Assert.Equal("", _node.Run("ip", "-brief", "link", "show", "type", "veth"));
            Assert.Equal("", _pod.Run(() => Tool.Run("ip", "-brief", "link", "show", "type", "veth")));
            Assert.DoesNotContain("proto 80", _node.Run("ip", "route"));
            Assert.Empty(Directory.GetFiles($"{_folder}/podnet", "10.*"));
            Call("DEL");
        }
    }

    [Fact]
    public async Task Adds_and_deletes_killed_at_random_moments_leave_nothing_after_gc()
    {
        const int count = 200;
        var random = new Random(1);
        var pods = Enumerable.Range(0, count).Select(_ => NetworkNamespace.CreateAnonymous()).ToList();
        var config = $"{_folder}/config";
        File.WriteAllText(config, Config);
        try
        {
            var killed = 0;
            var kept = new System.Collections.Concurrent.ConcurrentDictionary<int, string>();
            foreach (var command in (string[])["ADD", "DEL"])
            {
                await Parallel.ForEachAsync(Enumerable.Range(0, command == "ADD" ? count : count / 2), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, _) =>
                {
                    var output = $"{_folder}/{command}-{i}";
                    var start = Start(command, $"c{i}", pods[i]);
                    var child = _node.In(() => ChildProcess.Start(
                        start with { Program = "sh", Arguments = ["-c", "exec \"$0\" <\"$1\" >\"$2\"", start.Program, config, output] }));
                    if (i % 3 == 0)
                    {
                        // In the middle of it, mostly: it takes 4 ms and more, and to start it takes some, too.
                        var wait = random.Next(20_000);
                        for (var began = System.Diagnostics.Stopwatch.GetTimestamp(); System.Diagnostics.Stopwatch.GetElapsedTime(began).TotalMicroseconds < wait && !child.Exited.IsCompleted;)
                            Thread.Yield();
                        child.Kill(Signals.Kill);
                    }

                    var status = await child.Exited;
                    if (status.ShellCode != 0)
                        Interlocked.Increment(ref killed);
                    else if (command == "ADD")
                        kept[i] = (string)System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(output))!["ips"]![0]!["address"]!;
                    // There is no output of one that was killed before it began.
                    if (status.ShellCode != 0 && i % 3 != 0)
                        Assert.Fail(File.ReadAllText(output));
                });
                Assert.Equal(kept.Count, kept.Values.Distinct().Count());
            }

            Assert.InRange(killed, 1, count);
            var left = kept.Keys.Where(i => i >= count / 2).ToList();
            Collect(left.Select(i => $"c{i}"));
            Assert.Equal(left.Select(i => kept[i].Split('/')[0]).Order(StringComparer.Ordinal), Directory.GetFiles($"{_folder}/podnet", "10.*").Select(Path.GetFileName).Order(StringComparer.Ordinal));
            Assert.Equal(left.Count, _node.Run("ip", "-brief", "link", "show", "type", "veth").Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
            Collect([]);
            Assert.Empty(Directory.GetFiles($"{_folder}/podnet", "10.*"));
            Assert.Equal("", _node.Run("ip", "-brief", "link", "show", "type", "veth"));
            Assert.Equal("", _node.Run("ip", "route"));
        }
        finally
        {
            pods.ForEach(pod => pod.Dispose());
        }
    }

    private void Collect(IEnumerable<string> containers) => Call(
        "GC", $$"""{{Config[..^1]}},"cni.dev/valid-attachments":[{{string.Join(',', containers.Select(id => $$"""{"containerID":"{{id}}","ifname":"eth0"}"""))}}]}""");

    private string Config =>
        $$"""{"cniVersion":"1.1.0","name":"podnet","type":"podnet-cni","ipam":{"type":"host-local","dataDir":"{{_folder}}","subnet":"10.5.0.0/24"} }""";

    private void Call(string command, string? config = null)
    {
        var result = _node.In(() => ChildProcess.Run(Start(command, "c1", _pod), System.Text.Encoding.UTF8.GetBytes(config ?? Config), ChildProcess.DefaultTimeout));
        Assert.True(result.Succeeded, result.StandardOutput + result.StandardError);
    }

    private static ProcessStart Start(string command, string container, NetworkNamespace pod) => new(Repository.Built("podnet-cni"), [])
    {
        Environment = new Dictionary<string, string?>
        {
            ["CNI_COMMAND"] = command,
            ["CNI_CONTAINERID"] = container,
            ["CNI_NETNS"] = $"/proc/{Environment.ProcessId}/fd/{pod.Descriptor}",
            ["CNI_IFNAME"] = "eth0",
            ["CNI_PATH"] = "/nowhere",
        },
    };
}
