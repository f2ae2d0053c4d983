using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Podnet.Core.Model;

namespace Podnet.Core.Routes;

/// <summary>
/// The one VXLAN device of a node (RFC 7348). Every node knows every other's Ethernet address on it, by the node's name, so that
/// nothing is asked or learned over it: no broadcast, and nothing that nodes would have to tell each other.
/// </summary>
/// <param name="LinkAddress">This node's on the device: "0a:12:…".</param>
/// <param name="Local">This node's in the underlay.</param>
/// <param name="Mtu">In bytes, of what is wrapped.</param>
/// <param name="Peers">By the name of the node.</param>
public sealed record VxlanOverlay(string LinkAddress, IPAddress Local, int Mtu, ImmutableArray<VxlanPeer> Peers)
{
    public const string DeviceName = "pn-vxlan";

    /// <summary>The network identifier; there is one network.</summary>
    public const uint Id = 1;

    /// <summary>UDP, IANA's for VXLAN: the one that network cards take apart unasked.</summary>
    public const ushort Port = 4789;

    /// <summary>The outer headers in bytes: Ethernet of the inner frame 14, VXLAN 8, UDP 8, and IPv4's 20 or IPv6's 40.</summary>
    private const int OverheadV4 = 50, OverheadV6 = 70;

    /// <summary>What of an MTU is left for the packets of pods.</summary>
    public static int MtuWithin(int underlay, IPFamily underlayFamily) => underlay - (underlayFamily == IPFamily.V4 ? OverheadV4 : OverheadV6);

    /// <summary>Locally administered, of one host (IEEE 802, the two low bits of the first octet): the rest is chance by the name.</summary>
    public static string LinkAddressOf(string node)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{DeviceName}/{node}"));
        return $"0a:{hash[0]:x2}:{hash[1]:x2}:{hash[2]:x2}:{hash[3]:x2}:{hash[4]:x2}";
    }
}

/// <summary>A node that is reached through the device.</summary>
/// <param name="Host">Its address in the underlay.</param>
/// <param name="Gateways">What routes name it by on the device: the first address of each of its pod CIDRs, which no pod has.</param>
public sealed record VxlanPeer(string Node, string LinkAddress, IPAddress Host, ImmutableArray<IPAddress> Gateways)
{
    public bool Equals(VxlanPeer? other) =>
        other is not null && Node == other.Node && LinkAddress == other.LinkAddress && Host.Equals(other.Host) && Gateways.SequenceEqual(other.Gateways);

    public override int GetHashCode() => HashCode.Combine(Node, Host);
}
