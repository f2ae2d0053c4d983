using System.Net;
using Podnet.Netlink;

namespace Podnet.Cni.Protocol;

/// <summary>
/// What is wanted for this one container: runtimeConfig, which the runtime fills for the capabilities that the configuration
/// declares, args.cni, and CNI_ARGS (CONVENTIONS.md).
/// </summary>
internal sealed record RuntimeConfig(IReadOnlyList<IPAddress> Addresses, MacAddress? Mac, DnsSettings? Dns)
{
    public IReadOnlyList<PortMapping> PortMappings { get; private init; } = [];

    public BandwidthLimits Bandwidth { get; private init; }

    public static RuntimeConfig Read(ConfigValue root, CniArguments arguments)
    {
        var runtime = root.Find("runtimeConfig");
        var cni = root.Find("args")?.Find("cni");
        RefuseWhatIsNotThere(runtime);
        List<IPAddress> addresses = [.. AddressesIn(runtime), .. AddressesIn(cni)];
        if (arguments.Address is { } address)
            addresses.Add(address);
        return new RuntimeConfig(addresses, MacIn(runtime) ?? MacIn(cni) ?? arguments.Mac, DnsSettings.Read(runtime?.Find("dns")))
        {
            PortMappings = PortMapping.ReadAll(runtime),
            Bandwidth = BandwidthLimits.Read(runtime),
        };
    }

    /// <summary>
    /// A runtime gives only what "capabilities" asked for, so ignoring a key would break a promise. Empty lists and objects
    /// ask for nothing.
    /// </summary>
    private static void RefuseWhatIsNotThere(ConfigValue? runtime)
    {
        foreach (var key in runtime?.Keys() ?? [])
        {
            if (key is not ("ips" or "mac" or "ipRanges" or "dns" or "portMappings" or "bandwidth") && runtime!.Value.Get(key) is { IsEmpty: false } unsupported)
                throw unsupported.Unsupported();
        }
    }

    private static IEnumerable<IPAddress> AddressesIn(ConfigValue? value) => (value?.Find("ips")?.Items() ?? []).Select(item => item.AsAddress());

    private static MacAddress? MacIn(ConfigValue? value) =>
        value?.Find("mac") is { } mac ? PodMac.TryParse(mac.AsString()) ?? throw mac.Invalid(PodMac.Rule) : null;
}

/// <summary>The capability "dns", which names its lists in another way than a result does.</summary>
internal sealed record DnsSettings(IReadOnlyList<string> Nameservers, IReadOnlyList<string> Search, IReadOnlyList<string> Options)
{
    /// <summary>Null where it says nothing.</summary>
    public static DnsSettings? Read(ConfigValue? value)
    {
        if (value is not { } dns)
            return null;
        var settings = new DnsSettings(ListIn(dns, "servers"), ListIn(dns, "searches"), ListIn(dns, "options"));
        return settings.Nameservers.Count + settings.Search.Count + settings.Options.Count > 0 ? settings : null;
    }

    private static List<string> ListIn(ConfigValue value, string key) => (value.FindAnyCase(key)?.Items() ?? []).Select(item => item.AsString()).ToList();
}
