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

    private string Config =>
        $$"""{"cniVersion":"1.1.0","name":"podnet","type":"podnet-cni","ipam":{"type":"host-local","dataDir":"{{_folder}}","subnet":"10.5.0.0/24"} }""";

    private void Call(string command)
    {
        var result = _node.In(() => ChildProcess.Run(Start(command), System.Text.Encoding.UTF8.GetBytes(Config), ChildProcess.DefaultTimeout));
        Assert.True(result.Succeeded, result.StandardOutput + result.StandardError);
    }

    private ProcessStart Start(string command) => new(Repository.Built("podnet-cni"), [])
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
}
