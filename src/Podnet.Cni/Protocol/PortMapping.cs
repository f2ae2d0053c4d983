using System.Net;

namespace Podnet.Cni.Protocol;

/// <summary>A port of the node that leads to one of the pod's: an item of the capability "portMappings" (CONVENTIONS.md).</summary>
/// <param name="Protocol">IP protocol number: 6 TCP, 17 UDP, 132 SCTP.</param>
/// <param name="HostAddress">Null for every address of the node; 0.0.0.0 or :: for every one of the family.</param>
internal readonly record struct PortMapping(byte Protocol, ushort HostPort, ushort PodPort, IPAddress? HostAddress)
{
    public const byte Tcp = 6;
    public const byte Udp = 17;
    public const byte Sctp = 132;

    /// <summary>Those with a host port: a runtime may list every port of a container.</summary>
    public static IReadOnlyList<PortMapping> ReadAll(ConfigValue? runtime)
    {
        if (runtime?.Find("portMappings") is not { } list)
            return [];
        var mappings = new List<PortMapping>();
        foreach (var item in list.Items())
        {
            RefuseUnknownKeys(item);
            if (item.FindAnyCase("hostPort") is { } port && port.AsInteger(0, ushort.MaxValue) is var hostPort and not 0)
                mappings.Add(new PortMapping(ProtocolIn(item), (ushort)hostPort, PodPortIn(item), HostAddressIn(item)));
        }

        return mappings;
    }

    /// <summary>"tcp", "udp" or "sctp".</summary>
    public static string NameOf(byte protocol) => protocol switch
    {
        Tcp => "tcp",
        Udp => "udp",
        _ => "sctp",
    };

    private static void RefuseUnknownKeys(ConfigValue item)
    {
        foreach (var key in item.Keys())
        {
            if (key.ToLowerInvariant() is not ("hostport" or "containerport" or "protocol" or "hostip"))
                throw item.Get(key).Unsupported();
        }
    }

    private static byte ProtocolIn(ConfigValue item) => item.FindAnyCase("protocol") is not { IsEmpty: false } protocol
        ? Tcp
        : protocol.AsString().ToLowerInvariant() switch
        {
            "tcp" => Tcp,
            "udp" => Udp,
            "sctp" => Sctp,
            _ => throw protocol.Invalid("is not tcp, udp or sctp"),
        };

    private static ushort PodPortIn(ConfigValue item) =>
        (ushort)(item.FindAnyCase("containerPort") ?? throw item.Missing("containerPort")).AsInteger(1, ushort.MaxValue);

    private static IPAddress? HostAddressIn(ConfigValue item)
    {
        if (item.FindAnyCase("hostIP") is not { IsEmpty: false } value)
            return null;
        var address = value.AsAddress();
        return address.Equals(IPAddress.IPv6Loopback)
            ? throw value.Invalid("leads nowhere: the kernel forwards nothing from ::1")
            : address;
    }
}
