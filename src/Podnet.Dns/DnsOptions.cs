using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Dns;

namespace Podnet.Dns;

/// <summary>What a cluster's DNS server has to know.</summary>
public sealed record DnsOptions
{
    public const string DefaultDomain = "cluster.local";

    public const ushort Port = 53;

    public DnsName Domain { get; init; } = DnsName.Parse(DefaultDomain);

    /// <summary>Servers that are asked for names that are not the cluster's; none: there are no others.</summary>
    public ImmutableArray<IPEndPoint> Upstreams { get; init; } = [];

    /// <summary>The nameservers of a file as resolv.conf(5) describes it.</summary>
    public static ImmutableArray<IPEndPoint> NameserversOf(string resolvConf) =>
    [
        .. from line in resolvConf.Split('\n')
           let words = line.Split((char[])[' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries)
           where words is ["nameserver", _, ..]
           let address = IPAddress.TryParse(words[1], out var parsed) ? parsed : null
           where address is not null
           select new IPEndPoint(address, Port),
    ];
}
