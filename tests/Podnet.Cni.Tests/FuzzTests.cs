using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Podnet.Cni.Protocol;
using Podnet.Cni.Wiring;

namespace Podnet.Cni.Tests;

/// <summary>Configurations that nobody would write. For minutes instead of a moment: CsCheck_Time=300 in the environment.</summary>
public sealed class FuzzTests
{
    /// <summary>One of each kind of what a configuration can have: what the mutations start from.</summary>
    private static readonly string[] Seeds =
    [
        """{"cniVersion":"1.1.0","name":"podnet","type":"podnet-cni","mtu":1450,"ipam":{"type":"host-local","dataDir":"/nowhere","subnet":"10.5.0.0/24","routes":[{"dst":"0.0.0.0/0"}],"ranges":[[{"subnet":"10.0.0.0/24","rangeStart":"10.0.0.9","rangeEnd":"10.0.0.20","gateway":"10.0.0.10","exclude":["10.0.0.12/30","10.0.0.18"]}],[{"subnet":"fd00::/64"}]]}}""",
        """{"cniVersion":"1.0.0","name":"a","podNetwork":"/nowhere/x.json","args":{"cni":{"ips":["10.0.0.1"],"mac":"02:00:00:00:00:01"}},"runtimeConfig":{"ips":["10.0.0.5/24"],"mac":"02:00:00:00:00:02","ipRanges":[[{"subnet":"10.9.0.0/24"}]],"dns":{"servers":["10.0.0.2"],"searches":["a.b"],"options":["ndots:5"]},"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"udp","hostIP":"192.0.2.1"},{"HostPort":0}],"bandwidth":{"ingressRate":1000000,"ingressBurst":4294967295,"EgressRate":8}}}""",
        """{"cniVersion":"1.1.0","name":"b","dns":{"nameservers":["10.96.0.10"]},"ipam":{"subnet":"10.5.0.0/30"},"cni.dev/valid-attachments":[{"containerID":"c1","ifname":"eth0"}],"prevResult":{"cniVersion":"1.1.0","interfaces":[{"name":"eth0","mac":"02:00:00:00:00:01","sandbox":"/a"}],"ips":[{"interface":0,"address":"10.5.0.1/32","gateway":"169.254.1.1"}],"routes":[{"dst":"0.0.0.0/0","gw":"169.254.1.1"}]}}""",
    ];

    private static readonly string[] Scraps =
        ["", "{", "}", "[", "]", "null", "\"\"", "-1", "1e999", "0", "128", "\\ud800", "\\u0000", "/", ":", "::", "255.255.255.255", "0.0.0.0/0", "::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ",", "\n", "\u00e9", "1.1.0", "\u00ff"];

    [Fact]
    public void Whatever_the_configuration_is_the_answer_is_a_result_or_an_error_of_the_specification()
    {
        var edit = Gen.Select(Gen.Double[0, 1], Gen.Int[0, 12], Of(Scraps));
        Gen.Select(Of(Seeds), edit.Array[1, 4], Of([.. Commands.Keys])).Sample(
            (seed, edits, command) => Judge(command, Encoding.Latin1.GetBytes(edits.Aggregate(seed, Apply))), // one byte a character: not always UTF-8
            iter: 5000,
            threads: 1);
    }

    /// <summary>Small documents that broke something once, or would break what is easy to get wrong; a name says which.</summary>
    [Fact]
    public void So_it_is_for_each_of_the_corpus()
    {
        var files = Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "corpus"));
        Assert.InRange(files.Length, 30, 100);
        foreach (var command in Commands.Keys)
            Assert.All(files, file => Judge(command, File.ReadAllBytes(file)));
    }

    /// <summary>All that the plugin makes of its input, but for what it then does.</summary>
    private static void Judge(string command, byte[] input)
    {
        var request = new Request(Commands[command], "c1", "eth0", "/nowhere", CniArguments.None);
        try
        {
            if (command == "VERSION")
            {
                Assert.NotNull(JsonNode.Parse(ResultWriter.Versions(NetworkConfig.ReadVersion(new MemoryStream(input))).Span));
                return;
            }

            var config = NetworkConfig.Read(new MemoryStream(input), request, _ => { });
            Assert.All(config.Ranges, set => Assert.NotNull(set.NextFree(null, new HashSet<UInt128>())));
            foreach (var limit in new[] { config.Bandwidth.Ingress, config.Bandwidth.Egress }.OfType<BandwidthLimit>())
                Assert.NotEqual(0u, Bandwidth.BucketFor(limit, config.Mtu ?? 1500).Limit);
            if (command == "CHECK")
                PreviousResult.Read(config, request);
            else if (command == "ADD")
                Assert.NotNull(JsonNode.Parse(ResultWriter.Add(config, Made).Span));
        }
        catch (CniException e)
        {
            Assert.InRange((int)e.Code, 1, 11);
            Assert.InRange(e.Message.Length + (e.Details?.Length ?? 0), 1, 2000);
            JsonNode.Parse(ResultWriter.Error(CniVersion.Latest, e).Span);
        }
    }

    private static readonly AddResult Made = new(
        new ResultInterface("pn0", "02:00:00:00:00:01", 1500, null),
        new ResultInterface("eth0", "02:00:00:00:00:02", 1500, "/nowhere"),
        [IPAddress.Parse("10.0.0.5")],
        [IPAddress.Parse("169.254.1.1")]);

    private static readonly Dictionary<string, CniCommand> Commands = new()
    {
        ["ADD"] = CniCommand.Add,
        ["DEL"] = CniCommand.Delete,
        ["CHECK"] = CniCommand.Check,
        ["GC"] = CniCommand.GarbageCollect,
        ["STATUS"] = CniCommand.Status,
        ["VERSION"] = CniCommand.Version,
    };

    private static Gen<string> Of(string[] choices) => Gen.Int[0, choices.Length - 1].Select(i => choices[i]);

    /// <summary>Puts a scrap in place of some characters at a place from 0, the start, to 1.</summary>
    private static string Apply(string text, (double Place, int Length, string Scrap) edit)
    {
        var start = (int)(edit.Place * text.Length);
        return string.Concat(text.AsSpan(0, start), edit.Scrap, text.AsSpan(Math.Min(text.Length, start + edit.Length)));
    }
}
