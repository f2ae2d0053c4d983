using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Podnet.Cni.Protocol;
using Podnet.Testing;

namespace Podnet.Cni.Tests;

public sealed class ProtocolTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Version_says_which_versions_are_supported_in_the_version_asked_in()
    {
        Assert.Equal(
            """{"cniVersion":"1.1.0","supportedVersions":["0.3.1","0.4.0","1.0.0","1.1.0"]}""",
            new Call("VERSION") { ContainerId = null, InterfaceName = null }.Succeed().ToJsonString());
        Assert.Equal("0.4.0", (string?)new Call("VERSION") { Config = """{"cniVersion":"0.4.0"}""" }.Succeed()["cniVersion"]);
        Assert.Equal("1.1.0", (string?)new Call("VERSION") { Config = """{"cniVersion":"9.0.0"}""" }.Succeed()["cniVersion"]);
    }

    [Theory]
    [InlineData(
        "0.3.1",
        """[{"name":"pn1","mac":"02:00:00:00:00:01"},{"name":"eth0","mac":"02:00:00:00:00:02","sandbox":"/run/netns/a"}]""",
        """[{"version":"4","interface":1,"address":"10.0.0.5/32","gateway":"169.254.1.1"},{"version":"6","interface":1,"address":"fd00::5/128","gateway":"fe80::1"}]""")]
    [InlineData(
        "0.4.0",
        """[{"name":"pn1","mac":"02:00:00:00:00:01"},{"name":"eth0","mac":"02:00:00:00:00:02","sandbox":"/run/netns/a"}]""",
        """[{"version":"4","interface":1,"address":"10.0.0.5/32","gateway":"169.254.1.1"},{"version":"6","interface":1,"address":"fd00::5/128","gateway":"fe80::1"}]""")]
    [InlineData(
        "1.0.0",
        """[{"name":"pn1","mac":"02:00:00:00:00:01"},{"name":"eth0","mac":"02:00:00:00:00:02","sandbox":"/run/netns/a"}]""",
        """[{"interface":1,"address":"10.0.0.5/32","gateway":"169.254.1.1"},{"interface":1,"address":"fd00::5/128","gateway":"fe80::1"}]""")]
    [InlineData(
        "1.1.0",
        """[{"name":"pn1","mac":"02:00:00:00:00:01","mtu":1450},{"name":"eth0","mac":"02:00:00:00:00:02","mtu":1450,"sandbox":"/run/netns/a"}]""",
        """[{"interface":1,"address":"10.0.0.5/32","gateway":"169.254.1.1"},{"interface":1,"address":"fd00::5/128","gateway":"fe80::1"}]""")]
    public void A_result_has_the_shape_of_the_version_asked_for(string version, string interfaces, string ips)
    {
        var result = Result(_folder.Json(version, "10.0.0.0/24"));
        Assert.Equal(
            $$"""{"cniVersion":"{{version}}","interfaces":{{interfaces}},"ips":{{ips}},"routes":[{"dst":"0.0.0.0/0","gw":"169.254.1.1"},{"dst":"::/0","gw":"fe80::1"}]}""",
            result.ToJsonString());
    }

    [Fact]
    public void What_an_earlier_plugin_made_stands_before_ours_and_keeps_what_we_do_not_know()
    {
        var config = _folder.Json("1.0.0", "10.0.0.0/24");
        config["prevResult"] = JsonNode.Parse(
            """
            {"cniVersion":"1.0.0","vendor":{"a":[1]},"dns":{"nameservers":["10.0.0.2"]},"routes":[{"dst":"10.9.0.0/16"}],
             "interfaces":[{"name":"dummy0","mac":"02:11:11:11:11:11","sandbox":"/run/netns/a","x":1}],"ips":[{"address":"10.9.0.2/24","interface":0}]}
            """);
        var result = Result(config);
        Assert.Equal(["dummy0", "pn1", "eth0"], result["interfaces"]!.AsArray().Select(i => (string)i!["name"]!));
        Assert.Equal(1, (int)result["interfaces"]![0]!["x"]!);
        Assert.Equal([0, 2, 2], result["ips"]!.AsArray().Select(i => (int)i!["interface"]!));
        Assert.Equal("10.9.0.0/16", (string)result["routes"]![0]!["dst"]!);
        Assert.Equal("10.0.0.2", (string)result["dns"]!["nameservers"]![0]!);
        Assert.Equal("""{"a":[1]}""", result["vendor"]!.ToJsonString());
    }

    [Fact]
    public void Dns_of_the_configuration_is_in_the_result()
    {
        var config = _folder.Json("1.1.0", "10.0.0.0/24");
        config["dns"] = JsonNode.Parse("""{"nameservers":["10.96.0.10"],"search":["svc.cluster.local"],"options":["ndots:5"]}""");
        Assert.Equal(config["dns"]!.ToJsonString(), Result(config)["dns"]!.ToJsonString());
    }

    [Fact]
    public void Dns_of_the_runtime_is_in_the_result_under_the_results_own_names()
    {
        var config = _folder.Json("1.1.0", "10.0.0.0/24");
        config["dns"] = JsonNode.Parse("""{"nameservers":["10.96.0.10"]}""");
        config["runtimeConfig"] = JsonNode.Parse("""{"dns":{"servers":["10.0.0.2"],"searches":["a.b"],"options":["ndots:5"]},"portMappings":[]}""");
        Assert.Equal("""{"nameservers":["10.0.0.2"],"search":["a.b"],"options":["ndots:5"]}""", Result(config)["dns"]!.ToJsonString());
    }

    [Fact]
    public void Delete_succeeds_for_a_configuration_that_add_refused()
    {
        var config = _folder.Json("1.1.0", "10.0.0.0/24");
        config["runtimeConfig"] = JsonNode.Parse("""{"bandwidth":{"ingressRate":1}}""");
        config["ipam"]!["ranges"] = "nonsense";
        config["dns"] = "no object";
        new Call("DEL") { Config = config.ToJsonString(), Arguments = "FOO", Netns = "no/path" }.Succeed();
        new Call("DEL") { Config = config.ToJsonString()[..^1] + @",""prevResult"":""\ud800""}" }.Succeed();
    }

    [Theory]
    [InlineData("CNI_COMMAND", "add")]
    [InlineData("CNI_COMMAND", "STATUSES")]
    [InlineData("CNI_COMMAND", "")]
    [InlineData("CNI_CONTAINERID", "")]
    [InlineData("CNI_CONTAINERID", "../c1")]
    [InlineData("CNI_CONTAINERID", "..")]
    [InlineData("CNI_CONTAINERID", "a/../../etc")]
    [InlineData("CNI_CONTAINERID", "c1\r\neth0")]
    [InlineData("CNI_IFNAME", "")]
    [InlineData("CNI_IFNAME", ".")]
    [InlineData("CNI_IFNAME", "..")]
    [InlineData("CNI_IFNAME", "../eth0")]
    [InlineData("CNI_IFNAME", "eth:0")]
    [InlineData("CNI_IFNAME", "eth 0")]
    [InlineData("CNI_IFNAME", "a23456789012345x")]
    [InlineData("CNI_IFNAME", "ethé")]
    [InlineData("CNI_IFNAME", "eth%d")] // of which the kernel makes another name
    [InlineData("CNI_NETNS", "")]
    [InlineData("CNI_NETNS", "run/netns/a")]
    [InlineData("CNI_NETNS", "/nowhere/at/all")]
    [InlineData("CNI_NETNS", "/tmp")]
    [InlineData("CNI_NETNS", "/proc/self/ns/net")]
    [InlineData("CNI_NETNS", "/proc/self/ns/mnt")]
    [InlineData("CNI_NETNS", "/dev/null")]
    [InlineData("CNI_ARGS", "K8S_POD_NAME=../../x")]
    [InlineData("CNI_ARGS", "FOO=BAR")]
    [InlineData("CNI_ARGS", "IgnoreUnknown=0;FOO=BAR")]
    [InlineData("CNI_ARGS", "IgnoreUnknown")]
    [InlineData("CNI_ARGS", "IP=10.0.0")]
    [InlineData("CNI_ARGS", "MAC=01:00:00:00:00:01")]
    public void A_bad_variable_is_code_4_by_its_name_and_nothing_is_written(string name, string value)
    {
        var call = new Call("ADD") { Config = _folder.Config("10.0.0.0/24"), Netns = "/proc/1/ns/mnt" };
        call = name switch
        {
            "CNI_COMMAND" => call with { Command = value },
            "CNI_CONTAINERID" => call with { ContainerId = value },
            "CNI_IFNAME" => call with { InterfaceName = value },
            "CNI_NETNS" => call with { Netns = value },
            _ => call with { Arguments = value },
        };
        var (code, message, _) = call.Fail();
        Assert.Equal(4, code);
        Assert.Contains(name, message);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData("", 6)]
    [InlineData("{", 6)]
    [InlineData("null", 7)]
    [InlineData("[]", 7)]
    [InlineData("\"x\"", 7)]
    [InlineData("{}", 7)]
    [InlineData("""{"cniVersion":"1.1.0"} trailing""", 6)]
    [InlineData("""{"cniVersion":1}""", 7)]
    [InlineData("""{"cniVersion":"0.2.0","name":"a"}""", 1)]
    [InlineData("""{"cniVersion":"2.0.0","name":"a"}""", 1)]
    [InlineData("""{"cniVersion":"1.1.0","name":"../../etc"}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a/b"}""", 7)]
    [InlineData("""{"cniVersion":"newest","name":"a"}""", 6)]
    [InlineData("""{"cniVersion":"1.1","name":"a"}""", 6)]
    [InlineData("""{"cniVersion":"1.1.0","name":"\ud800"}""", 6)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","podNetwork":"/nowhere/pod-network.json"}""", 11)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","podNetwork":"here"}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","podNetwork":"/dev/null"}""", 6)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","podNetwork":"/proc"}""", 5)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":[]}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"type":"dhcp"}}""", 2)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"ranges":[]}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"ranges":[[]]}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"ranges":[[{"subnet":"10.0.0.0/31"}]]}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"ranges":[[{"subnet":"10.0.0.1/24"}]]}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"ranges":[[{"subnet":"10.0/16"}]]}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"ranges":[[{"subnet":"10.0.0.0"}]]}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"ranges":[[{"subnet":"::ffff:10.0.0.0/120"}]]}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"ranges":[[{"subnet":"10.0.0.0/24"},{"subnet":"fd00::/64"}]]}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"ranges":[[{"subnet":"10.0.0.0/24"}],[{"subnet":"10.0.0.0/16"}]]}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"ranges":[[{"subnet":"10.0.0.0/24","rangeStrat":"10.0.0.9"}]]}}""", 2)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"ranges":[[{"subnet":"10.0.0.0/24","rangeStart":"10.0.1.9"}]]}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"ranges":[[{"subnet":"10.0.0.0/24","rangeStart":"10.0.0.0"}]]}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"ranges":[[{"subnet":"10.0.0.0/24","rangeEnd":"10.0.0.255"}]]}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"ranges":[[{"subnet":"10.0.0.0/24","rangeStart":"fd00::1"}]]}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"ranges":[[{"subnet":"10.0.0.0/24","rangeStart":"10.0.0.9","rangeEnd":"10.0.0.8"}]]}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"ranges":[[{"subnet":"10.0.0.0/30","exclude":["10.0.0.1"],"gateway":"10.0.0.2"}]]}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"ranges":[[{"subnet":"10.0.0.0/24","exclude":["10.0.0.1/30"]}]]}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"subnet":"10.0.0.0/24","ranges":[[{"subnet":"10.0.0.0/25"}]]}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"subnet":"10.0.0.0/24","resolvConf":"/etc/resolv.conf"}}""", 2)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"subnet":"10.0.0.0/24","routes":[{"dst":"10.1.0.0/16"}]}}""", 2)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"dataDir":"here","ranges":[[{"subnet":"10.0.0.0/24"}]]}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","mtu":"1500","ipam":{"ranges":[[{"subnet":"10.0.0.0/24"}]]}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","mtu":1e9,"ipam":{"ranges":[[{"subnet":"10.0.0.0/24"}]]}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"ranges":[[{"subnet":"10.0.0.0/24"}]]},"runtimeConfig":{"ips":["x"]}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"ranges":[[{"subnet":"10.0.0.0/24"}]]},"runtimeConfig":{"mac":"03:00:00:00:00:01"}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"ranges":[[{"subnet":"10.0.0.0/24"}]]},"runtimeConfig":{"portMappings":[{"hostPort":80,"containerPort":80,"protocol":"icmp"}]}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"ranges":[[{"subnet":"10.0.0.0/24"}]]},"runtimeConfig":{"bandwidth":{"ingressRate":1}}}""", 7)]
    [InlineData("""{"cniVersion":"1.1.0","name":"a","ipam":{"ranges":[[{"subnet":"10.0.0.0/24"}]]},"runtimeConfig":{"cgroupPath":"/kubepods"}}""", 2)]
    public void A_bad_configuration_is_an_error_with_its_code(string config, int expected)
    {
        var (code, message, _) = new Call("ADD") { Config = config, Netns = "/nowhere" }.Fail();
        Assert.True(expected == code, $"{code}: {message}");
    }

    [Theory]
    [InlineData("file")]
    [InlineData("folder")]
    [InlineData("fifo")]
    [InlineData("socket")]
    [InlineData("loop")]
    [InlineData("nowhere")]
    public void A_path_that_is_no_network_namespace_is_code_4_at_once_and_nothing_is_written(string what)
    {
        var path = $"{_folder.Path}/{what}";
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        switch (what)
        {
            case "file":
                File.WriteAllText(path, "");
                break;
            case "folder":
                Directory.CreateDirectory(path);
                break;
            case "fifo":
                Tool.Run("mkfifo", path);
                break;
            case "socket":
                socket.Bind(new UnixDomainSocketEndPoint(path));
                break;
            case "loop":
                File.CreateSymbolicLink(path, path);
                break;
        }

        var there = Directory.GetFileSystemEntries(_folder.Path);
        foreach (var command in (string[])["ADD", "CHECK"])
        {
            var config = _folder.Config("10.0.0.0/24")[..^1] + ""","prevResult":{"interfaces":[{"name":"eth0","sandbox":"/a"}]}}""";
            var (code, message, details) = new Call(command) { Config = config, Netns = path }.Fail();
            Assert.Equal((4, "environment variable CNI_NETNS is invalid"), (code, message));
            Assert.Contains(path, details);
        }

        Assert.Equal(there, Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData("ADD", """{"cniVersion":"1.0.0","name":"a","podNetwork":"/nowhere","dns":{"nameservers":["\ud800"]}}""")]
    [InlineData("ADD", """{"cniVersion":"1.0.0","name":"a","podNetwork":"/nowhere","prevResult":{"ips":[{"\udfff":1}]}}""")]
    [InlineData("GC", """{"cniVersion":"1.1.0","name":"a","cni.dev/valid-attachments":[{"containerID":"\ud800","ifname":"eth0"}]}""")]
    [InlineData("VERSION", """{"cniVersion":"\ud800"}""")]
    public void Half_a_character_anywhere_is_code_6_before_anything_is_done(string command, string config)
    {
        var (code, message, _) = new Call(command) { Config = config, Netns = "/nowhere" }.Fail();
        Assert.Equal((6, "the network configuration has a string that is no text"), (code, message));
    }

    [Fact]
    public void What_is_no_UTF_8_is_code_6()
    {
        byte[] config = [.. Encoding.UTF8.GetBytes("""{"cniVersion":"1.1.0","name":"a","dns":{"options":["""), (byte)'"', 0xC3, .. "\"]}}"u8];
        using var output = new MemoryStream();
        Assert.Equal(1, Plugin.Run(new Call("ADD") { Netns = "/x" }.Variable, new MemoryStream(config), Call.To(output)));
        Assert.Equal(6, (int)JsonNode.Parse(output.ToArray())!["code"]!);
    }

    [Fact]
    public void An_error_is_said_in_the_version_of_the_configuration()
    {
        var (_, output) = new Call("ADD") { Config = """{"cniVersion":"0.4.0","name":"/"}""", Netns = "/x" }.Run();
        Assert.Equal("0.4.0", (string?)JsonNode.Parse(output)!["cniVersion"]);
    }

    [Fact]
    public void Huge_input_is_refused_without_being_read_to_its_end()
    {
        var endless = new EndlessStream();
        using var output = new MemoryStream();
        Assert.Equal(1, Plugin.Run(new Call("ADD") { Netns = "/x" }.Variable, endless, Call.To(output)));
        Assert.Equal(6, (int)JsonNode.Parse(output.ToArray())!["code"]!);
        Assert.InRange(endless.Read_, ConfigInput.MaxBytes, 2 * ConfigInput.MaxBytes);

        var deep = new string('[', 100_000);
        Assert.Equal(6, new Call("ADD") { Config = deep, Netns = "/x" }.Fail().Code);
        var valid = _folder.Config("10.0.0.0/24")[..^1] + $$""","x":"{{new string('x', 10 << 20)}}"}""";
        foreach (var command in (string[])["ADD", "DEL", "CHECK", "STATUS", "GC", "VERSION"])
            Assert.Equal(6, new Call(command) { Config = valid, Netns = "/x" }.Fail().Code);
    }

    [Fact]
    public void A_name_of_64_KiB_is_refused_with_a_short_message()
    {
        var name = new string('n', 65536);
        var (code, _, details) = new Call("ADD") { ContainerId = name, Netns = "/x" }.Fail();
        Assert.Equal(4, code);
        Assert.InRange(details!.Length, 1, 400);
        (code, _, details) = new Call("ADD") { Config = $$"""{"cniVersion":"1.1.0","name":"{{name}}"}""", Netns = "/x" }.Fail();
        Assert.Equal(7, code);
        Assert.InRange(details!.Length, 1, 400);
        foreach (var variable in (string[])["CNI_COMMAND", "CNI_IFNAME", "CNI_NETNS", "IP", "MAC", "K8S_POD_NAME", name])
        {
            (code, var message, details) = (new Call("ADD") { Netns = "/x", Config = _folder.Config("10.0.0.0/24") } with
            {
                Command = variable == "CNI_COMMAND" ? name : "ADD",
                InterfaceName = variable == "CNI_IFNAME" ? name : "eth0",
                Netns = variable == "CNI_NETNS" ? $"/{name}" : "/x",
                Arguments = $"{variable}={name}",
            }).Fail();
            Assert.Equal(4, code);
            Assert.InRange(message.Length + details!.Length, 1, 400);
        }

        foreach (var path in (string[])["podNetwork", "dataDir"])
        {
            var config = _folder.Json("1.1.0", "10.0.0.0/24");
            (path == "dataDir" ? config["ipam"]! : config)[path] = $"/{name}";
            config["ipam"]!.AsObject().Remove(path == "dataDir" ? "" : "ranges");
            (code, var message, details) = new Call("STATUS") { Config = config.ToJsonString() }.Fail();
            Assert.Equal(7, code);
            Assert.InRange(message.Length + details!.Length, 1, 400);
        }
    }

    [Fact]
    public void Check_needs_version_0_4_0_and_the_result_of_add()
    {
        var call = new Call("CHECK") { Netns = "/proc/1/ns/mnt" };
        Assert.Equal(1, (call with { Config = _folder.Json("0.3.1", "10.0.0.0/24").ToJsonString() }).Fail().Code);
        var (code, message, _) = (call with { Config = _folder.Config("10.0.0.0/24") }).Fail();
        Assert.Equal(7, code);
        Assert.Contains("prevResult", message);
    }

    [Fact]
    public void A_previous_result_with_half_a_character_is_code_6()
    {
        var config = _folder.Config("10.0.0.0/24")[..^1] + ""","prevResult":{"interfaces":[{"name":"eth0","sandbox":"\ud800"}]}}""";
        Assert.Equal(6, new Call("CHECK") { Netns = "/proc/1/ns/mnt", Config = config }.Fail().Code);
    }

    [Fact]
    public void What_1_1_0_has_in_a_result_and_we_do_not_make_is_passed_on()
    {
        const string earlier = """
            {"interfaces":[{"name":"vf0","mac":"02:11:11:11:11:11","mtu":9000,"sandbox":"/a","socketPath":"/run/s","pciID":"0000:00:1f.6"}],
             "ips":[],"routes":[{"dst":"10.9.0.0/16","gw":"10.9.0.1","mtu":1400,"advmss":1360,"priority":10,"table":50,"scope":0}]}
            """;
        var config = _folder.Json("1.1.0", "10.0.0.0/24");
        config["prevResult"] = JsonNode.Parse(earlier);
        var result = Result(config);
        Assert.Equal(JsonNode.Parse(earlier)!["interfaces"]![0]!.ToJsonString(), result["interfaces"]![0]!.ToJsonString());
        Assert.Equal(JsonNode.Parse(earlier)!["routes"]![0]!.ToJsonString(), result["routes"]![0]!.ToJsonString());
    }

    private static JsonNode Result(JsonNode config)
    {
        var read = NetworkConfig.Read(new MemoryStream(Encoding.UTF8.GetBytes(config.ToJsonString())), new Request(CniCommand.Add, "c", "eth0", null, CniArguments.None), _ => { });
        var written = ResultWriter.Add(read, new AddResult(
            new ResultInterface("pn1", "02:00:00:00:00:01", 1450, null),
            new ResultInterface("eth0", "02:00:00:00:00:02", 1450, "/run/netns/a"),
            [IPAddress.Parse("10.0.0.5"), IPAddress.Parse("fd00::5")],
            [IPAddress.Parse("169.254.1.1"), IPAddress.Parse("fe80::1")]));
        return JsonNode.Parse(written.Span)!;
    }

    private sealed class EndlessStream : MemoryStream
    {
        public long Read_ { get; private set; }

        public override int Read(byte[] buffer, int offset, int count)
        {
            buffer.AsSpan(offset, count).Fill((byte)' ');
            Read_ += count;
            return count;
        }
    }
}
