using System.Text;
using System.Text.Json.Nodes;
using Podnet.Linux;

namespace Podnet.Cni.Tests;

/// <summary>The program itself, as a runtime starts it.</summary>
public sealed class ProcessTests : IDisposable
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "podnet-cni");

    private readonly TestNode _node = new();
    private readonly TestPod _pod = new();

    public void Dispose()
    {
        _pod.Dispose();
        _node.Dispose();
    }

    [Fact]
    public void Version_is_on_standard_output_with_exit_code_0()
    {
        var result = Run(new Call("VERSION"));
        Assert.Equal((0, ""), (result.Status.ShellCode, result.StandardError));
        Assert.Equal(4, JsonNode.Parse(result.StandardOutput)!["supportedVersions"]!.AsArray().Count);
    }

    [Fact]
    public void Add_and_delete_work_as_a_process()
    {
        var add = new Call("ADD") { Netns = _pod.Path, Config = _node.Folder.Config("10.0.0.0/24") };
        var added = Run(add);
        Assert.True(added.Succeeded, added.StandardOutput);
        Assert.Equal("10.0.0.1/32", (string)JsonNode.Parse(added.StandardOutput)!["ips"]![0]!["address"]!);
        var deleted = Run(add with { Command = "DEL" });
        Assert.Equal((0, ""), (deleted.Status.ShellCode, deleted.StandardOutput));
        Assert.Empty(_node.Folder.Addresses);
    }

    [Fact]
    public void An_answer_stays_where_others_go_on_writing_to_the_same_file()
    {
        var file = $"{_node.Folder.Path}/output";
        var start = StartOf(new Call("VERSION")) with { Program = "sh", Arguments = ["-c", "{ \"$0\"; \"$0\"; echo done; } </dev/null >\"$1\"", Program, file] };
        Assert.True(ChildProcess.Run(start, default, TimeSpan.FromSeconds(60)).Succeeded);
        Assert.Equal(2, File.ReadAllText(file).Split("supportedVersions").Length - 1);
        Assert.EndsWith("}\ndone\n", File.ReadAllText(file), StringComparison.Ordinal);
    }

    [Fact]
    public void An_add_whose_answer_cannot_be_written_leaves_nothing()
    {
        var before = _node.Show();
        File.WriteAllText($"{_node.Folder.Path}/config", _node.Folder.Config("10.0.0.0/24"));
        var call = new Call("ADD") { Netns = _pod.Path };
        var start = StartOf(call) with { Program = "sh", Arguments = ["-c", "exec \"$0\" <\"$1\" >/dev/full", Program, $"{_node.Folder.Path}/config"] };
        var result = _node.Kernel.In(() => ChildProcess.Run(start, default, TimeSpan.FromSeconds(60)));
        Assert.Equal((1, ""), (result.Status.ShellCode, result.StandardError));
        Assert.Equal(before, _node.Show());
        Assert.Empty(_node.Folder.Addresses);
    }

    [Fact]
    public void An_error_is_on_standard_output_with_exit_code_1()
    {
        var result = Run(new Call("ADD") { Netns = _pod.Path, Config = new string('{', 10 << 20) });
        Assert.Equal((1, ""), (result.Status.ShellCode, result.StandardError));
        var error = JsonNode.Parse(result.StandardOutput)!;
        Assert.Equal(("1.1.0", 6), ((string)error["cniVersion"]!, (int)error["code"]!));
    }

    [Fact]
    public async Task Adds_killed_at_any_moment_lose_no_address_and_double_none()
    {
        var before = _node.Show();
        var call = new Call("ADD") { Netns = _pod.Path, Config = _node.Folder.Config("10.0.0.0/29") };
        var keeper = new TestPod();
        var kept = Run(call with { Netns = keeper.Path, ContainerId = "keeper" });
        Assert.True(kept.Succeeded, kept.StandardOutput);
        var afterKeeper = _node.Show();

        for (var round = 0; round < 12; round++)
        {
            var killed = call with { ContainerId = $"c{round}" };
            var child = Start(killed);
            await Task.WhenAny(child.Exited, Task.Delay(40 + (round * 10))); // arbitrary: from before it runs to after it is done
            child.Kill(Signals.Kill);
            await child.Exited;
            Assert.Equal("keeper\r\neth0", File.ReadAllText($"{_node.Folder.Path}/podnet/10.0.0.1"));
            _node.Succeed(killed with { Command = "DEL" });
            Assert.Equal(afterKeeper, _node.Show());
            Assert.Equal(["10.0.0.1"], _node.Folder.Addresses);
        }

        _node.Succeed(call);
        _node.Succeed(call with { Command = "DEL" });
        _node.Succeed(call with { Command = "DEL", ContainerId = "keeper" });
        keeper.Dispose();
        Assert.Equal(before, _node.Show());
        Assert.Empty(_node.Folder.Addresses);
    }

    [Fact]
    public async Task Two_hundred_adds_and_deletes_at_once_killed_at_random_moments_leave_nothing_after_gc()
    {
        const int count = 200;
        const int atOnce = 16; // arbitrary: more than the machine has processors
        var random = new Random(4);
        var before = _node.Show();
        var config = _node.Folder.Json("1.1.0", "10.0.0.0/24", "fd00::/64");
        var call = new Call("ADD") { Config = config.ToJsonString() };
        var pods = Enumerable.Range(0, count).Select(_ => new TestPod()).ToList();
        try
        {
            var added = new System.Collections.Concurrent.ConcurrentDictionary<int, string>();
            await InParallel(async i =>
            {
                var output = await RunOrKill(call with { ContainerId = $"c{i}", Netns = pods[i].Path }, random.Next(3) == 0 ? random.Next(200) : null);
                if (output is not null)
                    added[i] = (string)JsonNode.Parse(output)!["ips"]![0]!["address"]!;
            });
            Assert.Equal(added.Count, added.Values.Distinct().Count());
            Assert.NotEmpty(added);
            // Half are deleted, some of them killed while they are; then everything that the runtime knows of is listed.
            await InParallel(async i =>
            {
                if (i % 2 == 0)
                    await RunOrKill(call with { Command = "DEL", ContainerId = $"c{i}" }, random.Next(3) == 0 ? random.Next(200) : null);
            });
            var kept = added.Keys.Where(i => i % 2 == 1).ToList();
            Collect(config, kept);
            Assert.Equal(
                kept.Select(i => added[i].Split('/')[0]).Order(StringComparer.Ordinal),
                _node.Folder.Addresses.Where(address => address.Contains('.')));
            Assert.Equal(2 * kept.Count, _node.Folder.Addresses.Length);
            Assert.Equal(kept.Count, _node.Json("link", "show", "type", "veth").AsArray().Count);
            Collect(config, []);
            Assert.Equal(before, _node.Show());
            Assert.Empty(_node.Folder.Addresses);
        }
        finally
        {
            pods.ForEach(pod => pod.Dispose());
        }

        async Task InParallel(Func<int, Task> work) =>
            await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = atOnce }, async (i, _) => await work(i));
    }

    /// <summary>What it said; null where it was killed before it was done.</summary>
    private async Task<string?> RunOrKill(Call call, int? milliseconds)
    {
        var name = $"{_node.Folder.Path}/{call.Command}-{call.ContainerId}";
        File.WriteAllText($"{name}.in", call.Config);
        var child = _node.Kernel.In(() => ChildProcess.Start(
            StartOf(call) with { Program = "sh", Arguments = ["-c", "exec \"$0\" < \"$1.in\" > \"$1.out\"", Program, name] }));
        if (milliseconds is { } time)
        {
            await Task.WhenAny(child.Exited, Task.Delay(time));
            child.Kill(Signals.Kill);
        }

        var status = await child.Exited;
        if (milliseconds is null)
            Assert.True(status.ShellCode == 0, File.ReadAllText($"{name}.out"));
        return status.ShellCode == 0 ? File.ReadAllText($"{name}.out") : null;
    }

    private void Collect(JsonNode config, IEnumerable<int> kept)
    {
        var listed = config.DeepClone();
        listed["cni.dev/valid-attachments"] = new JsonArray(
            [.. kept.Select(i => (JsonNode)new JsonObject { ["containerID"] = $"c{i}", ["ifname"] = "eth0" })]);
        var result = Run(new Call("GC") { ContainerId = null, InterfaceName = null, Config = listed.ToJsonString() });
        Assert.Equal((0, ""), (result.Status.ShellCode, result.StandardOutput));
    }

    private ProcessResult Run(Call call) =>
        _node.Kernel.In(() => ChildProcess.Run(StartOf(call), Encoding.UTF8.GetBytes(call.Config), TimeSpan.FromSeconds(60)));

    private ChildProcess Start(Call call)
    {
        var config = $"{_node.Folder.Path}/config";
        File.WriteAllText(config, call.Config);
        return _node.Kernel.In(() => ChildProcess.Start(
            StartOf(call) with { Program = "sh", Arguments = ["-c", "exec \"$0\" < \"$1\"", Program, config] }));
    }

    private static ProcessStart StartOf(Call call) => new(Program, [])
    {
        Environment = new[] { "CNI_COMMAND", "CNI_CONTAINERID", "CNI_IFNAME", "CNI_NETNS", "CNI_ARGS", "CNI_PATH" }
            .ToDictionary(name => name, call.Variable),
    };
}
