using System.Runtime.InteropServices;

namespace Podnet.Netlink;

/// <summary>rtnetlink's message types, fixed parts and attributes, under .NET names with the header's behind them.</summary>
internal static class RouteWire
{
    // RTM_* (linux/rtnetlink.h)
    internal const ushort NewLink = 16;
    internal const ushort DeleteLink = 17;
    internal const ushort GetLink = 18;
    internal const ushort SetLink = 19;
    internal const ushort NewAddress = 20;
    internal const ushort DeleteAddress = 21;
    internal const ushort GetAddress = 22;
    internal const ushort NewRoute = 24;
    internal const ushort DeleteRoute = 25;
    internal const ushort GetRoute = 26;
    internal const ushort NewNeighbour = 28;
    internal const ushort DeleteNeighbour = 29;
    internal const ushort GetNeighbour = 30;
    internal const ushort NewRule = 32;
    internal const ushort DeleteRule = 33;
    internal const ushort GetRule = 34;

    /// <summary>IFLA_* (linux/if_link.h).</summary>
    internal static class LinkAttribute
    {
        internal const int Address = 1;
        internal const int Name = 3;
        internal const int Mtu = 4;
        internal const int Link = 5;
        internal const int Master = 10;
        internal const int Info = 18;
        internal const int Alias = 20;
        internal const int Group = 27;
        internal const int NamespaceDescriptor = 28;
        internal const int TransmitQueues = 31;
        internal const int ReceiveQueues = 32;
        internal const int LinkNamespaceId = 37;

        /// <summary>IFLA_INFO_KIND and IFLA_INFO_DATA, in Info.</summary>
        internal const int InfoKind = 1;
        internal const int InfoData = 2;

        /// <summary>VETH_INFO_PEER (linux/veth.h), in a veth's InfoData.</summary>
        internal const int VethPeer = 1;
    }

    /// <summary>IFLA_VXLAN_* (linux/if_link.h), in a VXLAN's InfoData.</summary>
    internal static class VxlanAttribute
    {
        internal const int Id = 1;
        internal const int Local = 4;
        internal const int Learning = 7;
        internal const int Port = 15;
        internal const int LocalV6 = 17;
        internal const int CollectMetadata = 25;
    }

    /// <summary>IFA_* (linux/if_addr.h).</summary>
    internal static class AddressAttribute
    {
        internal const int Address = 1;
        internal const int Local = 2;
        internal const int Flags = 8;
    }

    /// <summary>RTA_* (linux/rtnetlink.h).</summary>
    internal static class RouteAttribute
    {
        internal const int Destination = 1;
        internal const int Source = 2;
        internal const int InputDevice = 3;
        internal const int OutputDevice = 4;
        internal const int Gateway = 5;
        internal const int Priority = 6;
        internal const int PreferredSource = 7;
        internal const int Metrics = 8;
        internal const int Table = 15;
        internal const int Mark = 16;
        internal const int EncapsulationType = 21;
        internal const int Encapsulation = 22;

        /// <summary>RTAX_MTU, in Metrics.</summary>
        internal const int MetricMtu = 2;
    }

    /// <summary>LWTUNNEL_IP_* and LWTUNNEL_IP6_* (linux/lwtunnel.h), in Encapsulation: these have the same numbers in both.</summary>
    internal static class TunnelAttribute
    {
        internal const int Id = 1;
        internal const int Destination = 2;
        internal const int Flags = 6;

        /// <summary>TUNNEL_CSUM (linux/if_tunnel.h), in Flags, which are in network byte order.</summary>
        internal const ushort Checksum = 1;

        /// <summary>LWTUNNEL_ENCAP_IP and LWTUNNEL_ENCAP_IP6: the family of the destination.</summary>
        internal const ushort IPv4 = 2;
        internal const ushort IPv6 = 4;
    }

    /// <summary>FRA_* (linux/fib_rules.h).</summary>
    internal static class RuleAttribute
    {
        internal const int Source = 2;
        internal const int Priority = 6;
        internal const int Table = 15;
        internal const int Protocol = 21;
    }

    /// <summary>NDA_* (linux/neighbour.h).</summary>
    internal static class NeighbourAttribute
    {
        internal const int Destination = 1;
        internal const int LinkAddress = 2;
        internal const int Device = 8;
    }

    /// <summary>struct ifinfomsg: family, pad, device type (ARPHRD_*), index, flags, mask of the flags to change.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct LinkHeader
    {
        internal byte Family;
        private readonly byte _pad;
        internal ushort DeviceType;
        internal int Index;
        internal uint Flags;
        internal uint Change;
    }

    /// <summary>struct ifaddrmsg. Flags are the low 8 bits of IFA_FLAGS.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct AddressHeader
    {
        internal byte Family;
        internal byte PrefixLength;
        internal byte Flags;
        internal byte Scope;
        internal int Index;
    }

    /// <summary>struct rtmsg. Table is RT_TABLE_UNSPEC where RTA_TABLE says it; flags are RTNH_F_* and RTM_F_*.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct RouteHeader
    {
        internal byte Family;
        internal byte DestinationLength;
        internal byte SourceLength;
        internal byte TypeOfService;
        internal byte Table;
        internal byte Protocol;
        internal byte Scope;
        internal byte Type;
        internal uint Flags;

        /// <summary>RTNH_F_ONLINK.</summary>
        internal const uint OnLink = 0x4;

        /// <summary>RTM_F_CLONED: an exception that the kernel keeps for itself, such as a learned path MTU.</summary>
        internal const uint Cloned = 0x200;
    }

    /// <summary>struct ndmsg: family, pads, index, state, flags, type (RTN_*).</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct NeighbourHeader
    {
        internal byte Family;
        private readonly byte _pad1;
        private readonly ushort _pad2;
        internal int Index;
        internal ushort State;
        internal byte Flags;
        internal byte Type;

        /// <summary>NTF_SELF: the device's own table, not that of a bridge it is on.</summary>
        internal const byte Self = 0x2;
    }

    /// <summary>struct fib_rule_hdr: family, lengths of the prefixes, TOS, table, reserved, action (FR_ACT_*), flags.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct RuleHeader
    {
        internal byte Family;
        internal byte DestinationLength;
        internal byte SourceLength;
        internal byte TypeOfService;
        internal byte Table;
        private readonly byte _reserved1;
        private readonly byte _reserved2;
        internal byte Action;
        internal uint Flags;

        /// <summary>FR_ACT_TO_TBL.</summary>
        internal const byte ToTable = 1;
    }
}
