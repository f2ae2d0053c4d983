using System.Net;
using System.Runtime.InteropServices;
using Podnet.Bpf;
using Podnet.Core.Routes;
using Podnet.Netlink;

namespace Podnet.Dataplane.FastPath;

/// <summary>How packets leave by a link; what <see cref="FlowProgram"/> does with a flow that it knows.</summary>
internal enum FlowAction
{
    /// <summary>Not at all: the flow goes the kernel's ordinary way.</summary>
    None,

    /// <summary>Straight to the other end of a veth pair: what a pod receives, past any queue of the link.</summary>
    ToPeer,

    /// <summary>By the link, through its queue.</summary>
    ToLink,

    /// <summary>By the link, wrapped in VXLAN for another node.</summary>
    Wrap,
}

/// <summary>
/// The memory that all fast path programs of a node share. Numbers are in host byte order, addresses and ports as they stand in packets.
/// <code>
/// flows    { 0 where u32: interface, and the bits below  4 ports  8 source, 16 bytes  24 destination, 16 bytes }        IPv4 addresses are in the first 4 bytes
///       →  { 0 until, ns  8 interface u32  12 action u32  16 largest packet u32  20 checksum u32  30 headers, 64 bytes }
/// links    { interface u32 } → { action u32 }
/// peers    { 0 prefix length u32  4 family u32  8 destination, 16 bytes } → { 0 host  4 own address  8 host's link address  14 own link address }
/// counts   { 0 } → { packets u64, bytes u64 }, for each processor
/// </code>
/// </summary>
internal sealed class FlowMaps : IDisposable
{
    internal const int FlowKeySize = 40, FlowSize = 96, PeerKeySize = 24, PeerSize = 20;

    /// <summary>In "where" of a flow: it is IPv6; it came in wrapped. Interfaces have smaller numbers.</summary>
    internal const int IsIPv6 = 1 << 29, IsWrapped = 1 << 30;

    /// <summary>Directions of connections that are known at a time, at some 200 bytes each; of more, those that rest are forgotten, and looked up again. Arbitrary.</summary>
    private const int FlowCount = 16 * 1024;

    /// <summary>More than a node has pods, and a cluster nodes: arbitrary.</summary>
    private const int LinkCount = 4096, PeerCount = 16 * 1024;

    private const int FamilyBits = 32;

    private readonly Dictionary<int, FlowAction> _links = [];
    private FastPathTunnel? _tunnel;

    internal BpfMap Flows { get; } = BpfMap.Create(BpfMapType.LeastRecentlyUsedHash, "podnet_flows", FlowKeySize, FlowSize, FlowCount);

    internal BpfMap Links { get; } = BpfMap.Create(BpfMapType.Hash, "podnet_links", sizeof(uint), sizeof(uint), LinkCount);

    internal BpfMap Peers { get; } = BpfMap.Create(BpfMapType.LongestPrefix, "podnet_peers", PeerKeySize, PeerSize, PeerCount);

    internal BpfMap Counts { get; } = BpfMap.Create(BpfMapType.PerProcessorArray, "podnet_counts", sizeof(uint), 2 * sizeof(ulong), 1);

    /// <summary>Makes the links these.</summary>
    internal void SetLinks(IReadOnlyDictionary<int, FlowAction> wanted)
    {
        foreach (var link in _links.Keys.Except(wanted.Keys).ToList())
        {
            Links.Remove(Bytes(link));
            _links.Remove(link);
        }

        foreach (var (link, action) in wanted)
        {
            if (_links.TryGetValue(link, out var have) && have == action)
                continue;
            Links.Put(Bytes(link), Bytes((int)action));
            _links[link] = action;
        }
    }

    internal void SetPeers(FastPathTunnel? wanted)
    {
        if (Equals(_tunnel, wanted))
            return;
        Span<byte> value = stackalloc byte[PeerSize];
        var gone = _tunnel?.Peers.Select(peer => peer.Destination).Except(wanted?.Peers.Select(peer => peer.Destination) ?? []) ?? [];
        foreach (var destination in gone)
            Peers.Remove(PeerKey(destination));
        foreach (var peer in wanted?.Peers ?? [])
        {
            peer.Host.TryWriteBytes(value, out _);
            wanted!.Local.TryWriteBytes(value[4..], out _);
            MacAddress.Parse(peer.LinkAddress).CopyTo(value[8..]);
            MacAddress.Parse(wanted.LinkAddress).CopyTo(value[14..]);
            Peers.Put(PeerKey(peer.Destination), value);
        }

        _tunnel = wanted;
    }

    /// <summary>What the programs took, since they were loaded.</summary>
    internal (ulong Packets, ulong Bytes) Count()
    {
        var values = new byte[Counts.ValueSize * PossibleProcessors.Value];
        Counts.Find(Bytes(0), values);
        ulong packets = 0, bytes = 0;
        foreach (var pair in MemoryMarshal.Cast<byte, (ulong Packets, ulong Bytes)>(values))
        {
            packets += pair.Packets;
            bytes += pair.Bytes;
        }

        return (packets, bytes);
    }

    public void Dispose()
    {
        Flows.Dispose();
        Links.Dispose();
        Peers.Dispose();
        Counts.Dispose();
    }

    /// <summary>The kernel writes a value for each that could ever be there (sysfs-devices-system-cpu): "0-63", of several ranges the last ends highest.</summary>
    private static readonly Lazy<int> PossibleProcessors = new(() =>
    {
        var ranges = File.ReadAllText("/sys/devices/system/cpu/possible").Trim();
        return int.Parse(ranges.AsSpan(ranges.AsSpan().LastIndexOfAny('-', ',') + 1), System.Globalization.CultureInfo.InvariantCulture) + 1;
    });

    private static byte[] PeerKey(IPNetwork destination)
    {
        var key = new byte[PeerKeySize];
        MemoryMarshal.Write(key, FamilyBits + destination.PrefixLength);
        MemoryMarshal.Write(key.AsSpan(4), destination.BaseAddress.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? IsIPv6 : 0);
        destination.BaseAddress.TryWriteBytes(key.AsSpan(8), out _);
        return key;
    }

    private static byte[] Bytes(int number) => BitConverter.GetBytes(number);
}
