using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Podnet.Linux;

namespace Podnet.Local.Kubelet;

/// <summary>The network plugin refused or failed.</summary>
internal sealed class CniException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>What a plugin is told about a pod.</summary>
/// <param name="Id">The sandbox; what the plugin keeps is kept under it.</param>
/// <param name="RuntimeConfig">What the pod asks for; null for DEL, which goes by the sandbox alone.</param>
internal sealed record CniAttachment(string Id, string Namespace, string Pod, JsonObject? RuntimeConfig = null)
{
    /// <summary>The addresses that the pod had: where it asks for none, these if they are free.</summary>
    public IReadOnlyList<string> Former { get; init; } = [];
}

/// <summary>Runs podnet-cni by the CNI protocol 1.1.0 (SPEC.md, sections 2 and 5), inside the node's network namespace.</summary>
/// <param name="dataFolder">Where the plugin's IPAM keeps the node's addresses.</param>
/// <param name="podCidrs">The node's: "10.240.0.0/27".</param>
/// <param name="mtu">In bytes; null is the kernel's.</param>
internal sealed class CniPlugin(string program, string nodeNamespace, string dataFolder, IReadOnlyList<string> podCidrs, int? mtu)
{
    private const string Interface = "eth0";

    /// <summary>Arbitrary.</summary>
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    /// <summary>Connects a network namespace; the pod's addresses in the plugin's order.</summary>
    public async Task<IReadOnlyList<IPAddress>> AddAsync(CniAttachment attachment, string netns)
    {
        var output = await AddAnyAsync(attachment, netns);
        try
        {
            using var result = JsonDocument.Parse(output);
            return [.. result.RootElement.GetProperty("ips").EnumerateArray()
                .Select(ip => IPNetworkAddress(ip.GetProperty("address").GetString()!))];
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or FormatException or InvalidOperationException)
        {
            throw new CniException($"{program} ADD: not a CNI result: {output}", e);
        }
    }

    private async Task<string> AddAnyAsync(CniAttachment attachment, string netns)
    {
        if (attachment.Former.Count > 0 && attachment.RuntimeConfig?.ContainsKey(PodNetworkWishes.Addresses) != true)
        {
            var wishes = (JsonObject?)attachment.RuntimeConfig?.DeepClone() ?? [];
            wishes[PodNetworkWishes.Addresses] = Array(attachment.Former.Select(ip => (JsonNode)JsonValue.Create(ip)));
            try
            {
                return await InvokeAsync("ADD", attachment with { RuntimeConfig = wishes }, netns);
            }
            catch (CniException)
            {
                // Another pod has them, or the node has other pod CIDRs now; what else may be wrong the next ADD says.
            }
        }

        return await InvokeAsync("ADD", attachment, netns);
    }

    /// <summary>Disconnects a sandbox, whether it is still there or not, and frees its addresses. May be repeated.</summary>
    /// <param name="netns">Null where it is gone.</param>
    public Task DeleteAsync(CniAttachment attachment, string? netns) => InvokeAsync("DEL", attachment, netns);

    /// <summary>A prefix with host bits, "10.240.0.28/32".</summary>
    private static IPAddress IPNetworkAddress(string prefix) => IPAddress.Parse(prefix.Split('/')[0]);

    private async Task<string> InvokeAsync(string command, CniAttachment attachment, string? netns)
    {
        var start = new ProcessStart(program, [])
        {
            NewSession = true,
            Environment = new Dictionary<string, string?>
            {
                ["CNI_COMMAND"] = command,
                ["CNI_CONTAINERID"] = attachment.Id,
                ["CNI_NETNS"] = netns,
                ["CNI_IFNAME"] = Interface,
                ["CNI_PATH"] = Path.GetDirectoryName(program),
                ["CNI_ARGS"] = $"IgnoreUnknown=1;K8S_POD_NAMESPACE={attachment.Namespace};K8S_POD_NAME={attachment.Pod}",
            },
        };
        var input = JsonSerializer.SerializeToUtf8Bytes(Configuration(attachment), CniJson.Default.JsonObject);
        // On a thread of its own: two hundred pods that start at once would hold every thread of the pool, and the API server needs some.
        var result = await Apart(() =>
        {
            using var node = NetworkNamespace.OpenNamed(nodeNamespace);
            return node.Run(() => ChildProcess.Run(start, input, Timeout));
        });
        // DEL leaves a child behind for some milliseconds (docs/cni.md), which comes to this process. Nobody needs to wait for it, but to its end.
        _ = Apart(() => ChildProcess.ReapSession(result.Pid));
        return result.Succeeded ? result.StandardOutput : throw new CniException($"{program} {command}: {Complaint(result)}");
    }

    private static Task<T> Apart<T>(Func<T> work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private JsonObject Configuration(CniAttachment attachment)
    {
        var configuration = new JsonObject
        {
            ["cniVersion"] = "1.1.0",
            ["name"] = "podnet",
            ["type"] = "podnet-cni",
            ["ipam"] = new JsonObject
            {
                ["dataDir"] = dataFolder,
                ["ranges"] = Array(podCidrs.Select(cidr => (JsonNode)Array([new JsonObject { ["subnet"] = cidr }]))),
            },
        };
        if (mtu is { } bytes)
            configuration["mtu"] = bytes;
        if (attachment.RuntimeConfig is { Count: > 0 } wishes)
            configuration["runtimeConfig"] = wishes.DeepClone();
        return configuration;
    }

    private static JsonArray Array(IEnumerable<JsonNode> items) => new([.. items]);

    /// <summary>The error object that a plugin prints on standard output: code, msg, details.</summary>
    private static string Complaint(ProcessResult result)
    {
        try
        {
            using var error = JsonDocument.Parse(result.StandardOutput);
            var message = error.RootElement.GetProperty("msg").GetString();
            return error.RootElement.TryGetProperty("details", out var details) && details.GetString() is { Length: > 0 } more
                ? $"{message}: {more}"
                : message ?? $"{result.Status}";
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return $"{result.Status}: {result.StandardError.Trim()} {result.StandardOutput.Trim()}".TrimEnd();
        }
    }
}

[System.Text.Json.Serialization.JsonSerializable(typeof(JsonObject))]
internal sealed partial class CniJson : System.Text.Json.Serialization.JsonSerializerContext;
