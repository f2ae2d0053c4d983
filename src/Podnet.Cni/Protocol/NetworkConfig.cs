using System.Net;
using Podnet.Cni.Ipam;
using Podnet.Netlink;

namespace Podnet.Cni.Protocol;

/// <summary>The network configuration from standard input (CNI SPEC 1.1, section 1), checked.</summary>
internal sealed record NetworkConfig
{
    public required CniVersion Version { get; init; }

    /// <summary>Names the folder of reservations below <see cref="DataDir"/>, so it is no path.</summary>
    public required string Name { get; init; }

    /// <summary>Bytes; null leaves it to the kernel.</summary>
    public int? Mtu { get; init; }

    /// <summary>A pod gets one address of each set. DEL needs none, and has none.</summary>
    public IReadOnlyList<RangeSet> Ranges { get; init; } = [];

    public required string DataDir { get; init; }

    /// <summary>Asked for by the capability "ips", args.cni.ips or CNI_ARGS (CONVENTIONS.md).</summary>
    public IReadOnlyList<IPAddress> RequestedAddresses { get; init; } = [];

    /// <summary>The interface's in the pod, asked for by the capability "mac" or CNI_ARGS.</summary>
    public MacAddress? RequestedMac { get; init; }

    /// <summary>The capability "portMappings".</summary>
    public IReadOnlyList<PortMapping> PortMappings { get; init; } = [];

    /// <summary>The capability "bandwidth".</summary>
    public BandwidthLimits Bandwidth { get; init; }

    /// <summary>What the plugins before this one made (ADD), or what ADD made (CHECK, DEL).</summary>
    public ConfigValue? PreviousResult { get; init; }

    /// <summary>Passed into the result as it is, unless there is <see cref="RuntimeDns"/>.</summary>
    public ConfigValue? Dns { get; init; }

    /// <summary>The capability "dns".</summary>
    public DnsSettings? RuntimeDns { get; init; }

    /// <summary>cni.dev/valid-attachments, for GC: all that may stay.</summary>
    public IReadOnlyList<AttachmentId> ValidAttachments { get; init; } = [];

    /// <summary>Where host-local keeps its reservations, whose format this plugin shares.</summary>
    private const string DefaultDataDir = "/var/lib/cni/networks";

    /// <summary>
    /// Reads what the command needs. DEL reads little: what made ADD fail must not make DEL fail, or the container could
    /// never be removed.
    /// </summary>
    /// <param name="answerIn">Told as soon as the version is known, so that an error further down is said in that version too.</param>
    public static NetworkConfig Read(Stream input, Request request, Action<CniVersion> answerIn)
    {
        try
        {
            var bytes = ConfigInput.ReadBounded(input);
            var root = new ConfigValue(ConfigInput.Parse(bytes), "");
            var version = CniVersion.Parse(root.Get("cniVersion").AsString());
            answerIn(version);
            if (request.Command != CniCommand.Delete)
                ConfigInput.RequireText(bytes.Span, root.Element);
            var config = ReadCommon(root, version);
            return request.Command switch
            {
                CniCommand.Delete => config,
                CniCommand.GarbageCollect => config with
                {
                    ValidAttachments = AttachmentId.ReadAll(root),
                    Ranges = RangeReader.Read(root) ?? [.. PodNetworkFile.Read(root) is { } known ? RangeReader.Of(known) : []],
                },
                _ => ReadAll(config, root, request.Arguments),
            };
        }
        catch (InvalidOperationException e) // in the version, in what DEL reads, or in the agent's file
        {
            throw ConfigInput.NoText(e.Message);
        }
    }

    /// <summary>What VERSION is answered in: the version on input, as far as there is one that this plugin speaks.</summary>
    public static CniVersion ReadVersion(Stream input)
    {
        var bytes = ConfigInput.ReadBounded(input);
        if (bytes.IsEmpty)
            return CniVersion.Latest;
        var root = new ConfigValue(ConfigInput.Parse(bytes), "");
        ConfigInput.RequireText(bytes.Span, root.Element);
        var asked = root.Find("cniVersion")?.AsString();
        return Array.Find(CniVersion.Supported, version => version.Text == asked) ?? CniVersion.Latest;
    }

    private static NetworkConfig ReadCommon(ConfigValue root, CniVersion version)
    {
        var name = root.Get("name");
        return new NetworkConfig
        {
            Version = version,
            Name = Request.IsIdentifier(name.AsString())
                ? name.AsString()
                : throw name.Invalid("must start with a letter or digit and hold only those, '_', '.' and '-'"),
            DataDir = root.Find("ipam")?.Find("dataDir")?.AsPath() ?? DefaultDataDir,
        };
    }

    private static NetworkConfig ReadAll(NetworkConfig config, ConfigValue root, CniArguments arguments)
    {
        var runtime = RuntimeConfig.Read(root, arguments);
        var ranges = RangeReader.Read(root);
        PodNetworkFile? known = null;
        if (ranges is null)
        {
            known = PodNetworkFile.Read(root) ?? throw new CniException(
                CniErrorCode.TryAgainLater,
                "the node has no pod CIDRs yet",
                $"neither ipam.ranges nor {PodNetworkFile.PathIn(root)}, which the node's agent writes once it knows them");
            ranges = RangeReader.Of(known);
        }

        return config with
        {
            Mtu = root.Find("mtu")?.AsMtu() ?? known?.Mtu,
            Ranges = ranges,
            RequestedAddresses = runtime.Addresses,
            RequestedMac = runtime.Mac,
            RuntimeDns = runtime.Dns,
            PortMappings = runtime.PortMappings,
            Bandwidth = runtime.Bandwidth,
            PreviousResult = root.Find("prevResult"),
            Dns = root.Find("dns"),
        };
    }
}
