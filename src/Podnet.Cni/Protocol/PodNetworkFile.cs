namespace Podnet.Cni.Protocol;

/// <summary>
/// What the agent has learnt about this node's pods: {"podCIDRs": ["10.240.0.0/27", …], "mtu": 1450}. The agent puts it in place
/// whole, by a rename.
/// </summary>
/// <param name="Mtu">Bytes; null leaves it to the kernel.</param>
internal sealed record PodNetworkFile(IReadOnlyList<ConfigValue> PodCidrs, int? Mtu)
{
    private const string DefaultPath = "/run/podnet/pod-network.json";

    /// <summary>"podNetwork" of the configuration: nodes that share a machine's /run have a file each.</summary>
    public static string PathIn(ConfigValue root) => root.Find("podNetwork")?.AsPath() ?? DefaultPath;

    /// <summary>Null if it is not there.</summary>
    public static PodNetworkFile? Read(ConfigValue root)
    {
        var path = PathIn(root);
        try
        {
            using var file = File.OpenRead(path);
            var content = new ConfigValue(ConfigInput.Parse(ConfigInput.ReadBounded(file)), path);
            var cidrs = content.Get("podCIDRs").Items().ToList();
            return cidrs.Count == 0 ? null : new PodNetworkFile(cidrs, content.Find("mtu")?.AsMtu());
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CniException(CniErrorCode.InputOutput, $"cannot read {path}", e.Message);
        }
    }
}
