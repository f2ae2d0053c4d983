using System.Text;
using System.Text.Json.Nodes;
using Podnet.Linux;

namespace Podnet.Cni.Tests;

/// <summary>
/// A network of several plugins, and one container's attachment to it, called as a runtime calls them (CNI SPEC 1.1, section 3): processes,
/// each with the result of the one before; DEL in reverse order and CHECK with the result of the last.
/// </summary>
/// <param name="Version">Of CNI.</param>
/// <param name="Capabilities">What the runtime knows: a plugin gets of it what its configuration declares, as runtimeConfig.</param>
internal sealed record NetworkList(TestNode Node, string Version, JsonObject[] Plugins, JsonObject Capabilities)
{
    private static readonly string Own = Path.Combine(AppContext.BaseDirectory, "podnet-cni");

    /// <summary>Debian's package containernetworking-plugins.</summary>
    private const string Reference = "/usr/lib/cni";

    /// <summary>ADD of every plugin in turn; what the last one answers.</summary>
    public JsonNode Add(string container, string netns)
    {
        JsonNode? result = null;
        foreach (var plugin in Plugins)
            result = JsonNode.Parse(Succeed("ADD", plugin, container, netns, result));
        return result!;
    }

    public void Check(string container, string netns, JsonNode result)
    {
        foreach (var plugin in Plugins)
            Succeed("CHECK", plugin, container, netns, result);
    }

    /// <param name="netns">A null: it is gone.</param>
    public void Delete(string container, string? netns, JsonNode? result)
    {
        foreach (var plugin in Plugins.Reverse())
            Succeed("DEL", plugin, container, netns, result);
    }

    private string Succeed(string command, JsonObject plugin, string container, string? netns, JsonNode? previous)
    {
        var type = (string)plugin["type"]!;
        var program = type == "podnet-cni" ? Own : $"{Reference}/{type}";
        var call = new Call(command) { ContainerId = container, Netns = netns };
        var start = new ProcessStart(program, [])
        {
            Environment = new[] { "CNI_COMMAND", "CNI_CONTAINERID", "CNI_IFNAME", "CNI_NETNS", "CNI_ARGS", "CNI_PATH" }
                .ToDictionary(name => name, call.Variable),
        };
        var config = Config(plugin, previous);
        var result = Node.Kernel.In(() => ChildProcess.Run(start, Encoding.UTF8.GetBytes(config), TimeSpan.FromSeconds(60)));
        Assert.True(result.Succeeded, $"{command} of {type}: {result.StandardOutput}{result.StandardError}");
        return result.StandardOutput;
    }

    /// <summary>What one plugin reads: its part of the list and, of the whole, name, version, capabilities that it declares, and prevResult.</summary>
    private string Config(JsonObject plugin, JsonNode? previous)
    {
        var config = plugin.DeepClone().AsObject();
        config["cniVersion"] = Version;
        config["name"] = "podnet";
        var declared = plugin["capabilities"]?.AsObject().Where(c => (bool)c.Value!).Select(c => c.Key) ?? [];
        var known = declared.Where(Capabilities.ContainsKey).ToDictionary(key => key, key => (JsonNode?)Capabilities[key]!.DeepClone());
        if (known.Count > 0)
            config["runtimeConfig"] = new JsonObject(known);
        if (previous is not null)
            config["prevResult"] = previous.DeepClone();
        return config.ToJsonString();
    }
}
