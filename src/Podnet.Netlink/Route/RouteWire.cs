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
        internal const int LinkNamespaceId = 37;

        /// <summary>IFLA_INFO_KIND and IFLA_INFO_DATA, in Info.</summary>
        internal const int InfoKind = 1;
        internal const int InfoData = 2;

        /// <summary>VETH_INFO_PEER (linux/veth.h), in a veth's InfoData.</summary>
        internal const int VethPeer = 1;
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

        /// <summary>RTAX_MTU, in Metrics.</summary>
        internal const int MetricMtu = 2;
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
    }
}
