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
