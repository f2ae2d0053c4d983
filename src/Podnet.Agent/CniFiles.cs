using System.Net;
using System.Text;
using System.Text.Json;
using Podnet.Linux;

namespace Podnet.Agent;

/// <summary>
/// What the agent tells container runtimes and the CNI plugin: a network configuration list in the runtime's folder, which says that
/// the node has a pod network, and the node's own pod CIDRs, which that list points to.
/// </summary>
/// <param name="ConfigFolder">Where the runtime looks: /etc/cni/net.d, as a rule.</param>
/// <param name="PodNetworkFile">Nodes that share a machine's /run need a file each.</param>
public sealed record CniFiles(string ConfigFolder, string PodNetworkFile)
{
    public const string DefaultPodNetworkFile = "/run/podnet/pod-network.json";

    /// <summary>Where the plugin reserves addresses, told nothing else.</summary>
    public string Reservations { get; init; } = $"/var/lib/cni/networks/{NetworkName}";

    private const string NetworkName = "podnet";

    /// <summary>Runtimes take the first of the folder in alphabetical order.</summary>
    private const string ListName = "10-podnet.conflist";

    /// <summary>What it ends with is no name that a runtime reads, and it is in the same folder so that it can be renamed.</summary>
    private const string UnfinishedSuffix = ".podnet-unfinished";

    private string ListFile => Path.Combine(ConfigFolder, ListName);

    /// <summary>Writes what differs; the paths of what was written. The list last: with it, the runtime starts pods.</summary>
    internal List<string> Ensure(IEnumerable<IPNetwork> podCidrs, int? podMtu)
    {
        var written = new List<string>();
        EnsureFile(PodNetworkFile, PodNetwork(podCidrs, podMtu), written);
        EnsureFile(ListFile, ConfigList(), written);
        return written;
    }

    /// <summary>The paths of what was there. The list first: the runtime must not start what cannot be connected.</summary>
    internal List<string> Remove()
    {
        List<string> there = [.. new[] { ListFile, PodNetworkFile, Unfinished(ListFile), Unfinished(PodNetworkFile) }.Where(File.Exists)];
        there.ForEach(File.Delete);
        return there;
    }

    private static void EnsureFile(string path, byte[] content, List<string> written)
    {
        if (File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(content))
            return;
        var folder = Path.GetDirectoryName(path)!;
        Directory.CreateDirectory(folder);
        using (var file = new FileStream(Unfinished(path), FileMode.Create, FileAccess.Write))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }
        File.Move(Unfinished(path), path, overwrite: true);
        FileHandle.SyncDirectory(folder);
        written.Add(path);
    }

    private static string Unfinished(string path) => path + UnfinishedSuffix;

    private static byte[] PodNetwork(IEnumerable<IPNetwork> podCidrs, int? podMtu) => Json(json =>
    {
        json.WriteStartArray("podCIDRs");
        foreach (var cidr in podCidrs)
            json.WriteStringValue(cidr.ToString());
        json.WriteEndArray();
        if (podMtu is { } mtu)
            json.WriteNumber("mtu", mtu);
    });

    /// <summary>
    /// cniVersion is one that runtimes before libcni 1.2 know; newer ones choose the highest of cniVersions (SPEC 1.1, "Version
    /// considerations").
    /// </summary>
    private byte[] ConfigList() => Json(json =>
    {
        json.WriteString("cniVersion", "1.0.0");
        json.WriteStartArray("cniVersions");
        foreach (var version in (string[])["0.3.1", "0.4.0", "1.0.0", "1.1.0"])
            json.WriteStringValue(version);
        json.WriteEndArray();
        json.WriteString("name", NetworkName);
        json.WriteStartArray("plugins");
        json.WriteStartObject();
        json.WriteString("type", "podnet-cni");
        json.WriteString("podNetwork", PodNetworkFile);
        json.WriteStartObject("capabilities");
        foreach (var capability in (string[])["ips", "mac", "dns", "portMappings", "bandwidth"])
            json.WriteBoolean(capability, true);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndArray();
    });

    private static byte[] Json(Action<Utf8JsonWriter> content)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            content(json);
            json.WriteEndObject();
        }
        buffer.Write(Encoding.UTF8.GetBytes("\n"));
        return buffer.ToArray();
    }
}
