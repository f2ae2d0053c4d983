using System.Text;
using System.Text.Json.Nodes;
using Podnet.Linux;

namespace Podnet.Cni.Tests;

/// <summary>A folder of reservations that Debian's host-local and we share: a node that moves to us, or away, with its pods running.</summary>
public sealed class HostLocalTests : IDisposable
{
    private readonly TestNode _node = new();
    private readonly TestPod[] _pods = [new(), new(), new()];

    public void Dispose()
    {
        foreach (var pod in _pods)
            pod.Dispose();
        _node.Dispose();
    }

    [Fact]
    public void A_node_moves_to_us_with_its_pods_running()
    {
        var before = _node.Show();
        var old = _node.Kernel.In(() => Reference("ptp", Call("ADD", 0, "ptp")));
        Assert.Equal("10.0.0.2/24", (string)old["ips"]![0]!["address"]!); // it keeps 10.0.0.1 as the gateway
        var added = _node.Succeed(Call("ADD", 1));
        Assert.Equal(["10.0.0.3/32", "fd00::3/128"], added["ips"]!.AsArray().Select(ip => (string)ip!["address"]!));
        Assert.Equal(System.Net.IPAddress.Parse("10.0.0.2"), Tcp.SourceSeen(_pods[0].Namespace, _pods[1].Namespace, System.Net.IPAddress.Parse("10.0.0.3")));

        // The runtime asks the plugin that is there now to remove a pod that the other one connected.
        _node.Succeed(Call("DEL", 0));
        Assert.Equal(["10.0.0.3", "fd00::3"], _node.Folder.Addresses);
        _pods[0].Dispose();
        // What was freed rests until its turn comes.
        Assert.Equal("10.0.0.4/32", (string)_node.Succeed(Call("ADD", 2))["ips"]![0]!["address"]!);
        _node.Succeed(Call("DEL", 1));
        _node.Succeed(Call("DEL", 2));
        Testing.Poll.Until(() => _node.Show() == before, _node.Show);
        Assert.Empty(_node.Folder.Addresses);
    }

    [Fact]
    public void A_node_moves_away_from_us_with_its_pods_running()
    {
        var added = _node.Succeed(Call("ADD", 0));
        var other = HostLocal("ADD", 1);
        Assert.Equal(["10.0.0.3/24", "fd00::3/64"], other["ips"]!.AsArray().Select(ip => (string)ip!["address"]!)); // on from our last_reserved_ip
        Assert.Equal(["10.0.0.2/32", "fd00::2/128"], added["ips"]!.AsArray().Select(ip => (string)ip!["address"]!));
        HostLocal("CHECK", 0); // it finds our reservation
        HostLocal("DEL", 0);
        Assert.Equal(["10.0.0.3", "fd00::3"], _node.Folder.Addresses);
        _node.Succeed(Call("DEL", 1));
        Assert.Empty(_node.Folder.Addresses);
    }

    [Fact]
    public void An_address_that_the_node_itself_still_has_is_no_pods()
    {
        _node.Kernel.Run("ip", "link", "add", "cni0", "up", "type", "bridge"); // of an older plugin
        _node.Kernel.Run("ip", "address", "add", "10.0.0.1/29", "dev", "cni0");
        _node.Kernel.Run("ip", "address", "add", "fd00::1/64", "dev", "cni0", "nodad");
        var config = _node.Folder.Json("1.1.0", "10.0.0.0/28", "fd00::/64");
        var call = Call("ADD", 0) with { Config = config.ToJsonString() };
        Assert.Equal(["10.0.0.2/32", "fd00::2/128"], _node.Succeed(call)["ips"]!.AsArray().Select(ip => (string)ip!["address"]!));
        config["runtimeConfig"] = JsonNode.Parse("""{"ips":["10.0.0.1"]}""");
        var (code, message, _) = _node.Kernel.In(() => (Call("ADD", 1) with { Config = config.ToJsonString() }).Fail());
        Assert.Equal((102, "the requested address 10.0.0.1 of 10.0.0.0/28 is taken"), (code, message));
        File.WriteAllText($"{_node.Folder.Path}/podnet/last_reserved_ip.0", "10.0.0.6"); // before the bridge's broadcast address
        Assert.Equal("10.0.0.8/32", (string)_node.Succeed(call with { ContainerId = "c1", Netns = _pods[1].Path })["ips"]![0]!["address"]!);
    }

    [Fact]
    public void Both_at_once_give_no_address_twice()
    {
        const int count = 40;
        var given = new string[count];
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => given[i] = i % 2 == 0
            ? (string)HostLocal("ADD", i)["ips"]![0]!["address"]!
            : Allocated(i));
        Assert.Equal(count, given.Select(address => address.Split('/')[0]).Distinct().Count());
        Assert.Equal(2 * count, _node.Folder.Addresses.Length);
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => _ = i % 2 == 0
            ? _node.Succeed(Call("DEL", i))
            : HostLocal("DEL", i));
        Assert.Empty(_node.Folder.Addresses);
    }

    private string Allocated(int container)
    {
        var request = new Protocol.Request(Protocol.CniCommand.Add, $"c{container}", "eth0", "/x", Protocol.CniArguments.None);
        var config = Protocol.NetworkConfig.Read(new MemoryStream(Encoding.UTF8.GetBytes(Config("podnet-cni").ToJsonString())), request, _ => { });
        return Ipam.AddressManager.Allocate(config, request).Addresses[0].ToString();
    }

    private JsonNode HostLocal(string command, int container) => _node.Kernel.In(() => Reference("host-local", Call(command, container, "host-local") with { Netns = "/x" }));

    /// <summary>Of one plugin or another, with the same part "ipam".</summary>
    private Call Call(string command, int pod, string type = "podnet-cni") => new(command)
    {
        ContainerId = $"c{pod}",
        Netns = pod < _pods.Length ? _pods[pod].Path : "/x",
        Arguments = "",
        Config = Config(type).ToJsonString(),
    };

    private JsonObject Config(string type)
    {
        var config = _node.Folder.Json("1.0.0", "10.0.0.0/24", "fd00::/64");
        config["type"] = type;
        foreach (var set in config["ipam"]!["ranges"]!.AsArray())
            set![0]!["gateway"] = (string)set[0]!["subnet"]! == "fd00::/64" ? "fd00::1" : "10.0.0.1";
        config["ipam"]!["type"] = "host-local";
        return config;
    }

    /// <summary>Of Debian's package containernetworking-plugins.</summary>
    private static JsonNode Reference(string program, Call call)
    {
        var start = new ProcessStart($"/usr/lib/cni/{program}", [])
        {
            Environment = new Dictionary<string, string?>
            {
                ["CNI_COMMAND"] = call.Command,
                ["CNI_CONTAINERID"] = call.ContainerId,
                ["CNI_NETNS"] = call.Netns,
                ["CNI_IFNAME"] = "eth0",
                ["CNI_PATH"] = "/usr/lib/cni",
            },
        };
        var result = ChildProcess.Run(start, Encoding.UTF8.GetBytes(call.Config), TimeSpan.FromSeconds(60));
        Assert.True(result.Succeeded, $"{call.Command} of {program}: {result.StandardOutput}{result.StandardError}");
        return result.StandardOutput.Length == 0 ? new JsonObject() : JsonNode.Parse(result.StandardOutput)!;
    }
}
