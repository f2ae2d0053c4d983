using System.Net;
using System.Text;
using Podnet.Cni.Ipam;
using Podnet.Cni.Protocol;
using Podnet.Netlink;

namespace Podnet.Cni.Wiring;

/// <summary>
/// The names and link addresses of one container's interface. They follow from (container, interface) alone, so that DEL
/// finds what ADD made without any record of it.
/// </summary>
/// <param name="HostInterface">"pn" and 10 hex digits of SHA-256 of "CONTAINER/INTERFACE".</param>
/// <param name="Alias">"NAMESPACE/POD", or the container where no pod is known; for people and for the agent.</param>
internal sealed record Attachment(string HostInterface, MacAddress HostMac, MacAddress PodMac, string Alias)
{
    /// <summary>IFALIASZ of linux/if.h less its NUL; a namespace and a pod's name may be longer together.</summary>
    private const int MaxAliasLength = 255;

    /// <param name="mac">The pod's link address where one is asked for.</param>
    public static Attachment Of(Request request, MacAddress? mac = null)
    {
        var hash = HashOf(request.ContainerId, request.InterfaceName);
        var alias = request.Arguments.Pod ?? request.ContainerId;
        return new Attachment(
            NameFrom(hash),
            LocalMac(hash.AsSpan(5)),
            mac ?? LocalMac(hash.AsSpan(11)),
            alias.Length <= MaxAliasLength ? alias : alias[..MaxAliasLength]);
    }

    /// <summary>The host's end of a container's interface.</summary>
    public static string HostInterfaceOf(string containerId, string interfaceName) => NameFrom(HashOf(containerId, interfaceName));

    private static byte[] HashOf(string containerId, string interfaceName) => Sha256.Hash(Encoding.UTF8.GetBytes($"{containerId}/{interfaceName}"));

    private static string NameFrom(byte[] hash) => "pn" + Convert.ToHexStringLower(hash, 0, 5);

    /// <summary>
    /// Known before there is a link, so that permanent neighbour entries need not be asked for. IEEE 802: bit 1 of the
    /// first octet says locally administered, bit 0 multicast.
    /// </summary>
    private static MacAddress LocalMac(ReadOnlySpan<byte> random)
    {
        var mac = MacAddress.Read(random).Value;
        return new MacAddress((mac & ~(0x03UL << 40)) | (0x02UL << 40));
    }
}

/// <summary>
/// The next hop of every pod. Link-local, so the same in every pod and no address of the pod network is spent on it; no
/// interface has it, a permanent neighbour entry in the pod leads to the host's end of the pair.
/// </summary>
internal static class Gateway
{
    /// <summary>RFC 3927.</summary>
    private static readonly IPAddress IPv4 = new([169, 254, 1, 1]);

    /// <summary>fe80::1</summary>
    private static readonly IPAddress IPv6 = new([0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

    public static IPAddress For(IPAddress address) => AddressNumber.IsIPv4(address) ? IPv4 : IPv6;
}
