using System.Net;
using Podnet.Bpf;
using Podnet.Core.Routes;
using static Podnet.Bpf.Register;

namespace Podnet.Dataplane.FastPath;

/// <summary>Where a program sees packets.</summary>
internal enum FlowPlace
{
    /// <summary>The node's end of a pod's link: what the pod sends.</summary>
    Pod,

    /// <summary>A link to other nodes: what they send, also wrapped in VXLAN.</summary>
    Underlay,

    /// <summary>The VXLAN device: what the kernel unwrapped.</summary>
    Overlay,
}

/// <summary>
/// The BPF program that takes packets of established TCP connections past routing, connection tracking and rules. What it does not take, it
/// leaves as it is: the kernel's ordinary way. It takes a packet where
/// <list type="bullet">
/// <item>it is TCP without SYN, FIN and RST over IPv4 without options or IPv6 without extension headers, and no fragment;</item>
/// <item>connection tracking has its connection as established in both directions, and translates nothing of it;</item>
/// <item>from a pod, the route back to its source leads out of the link that it came in by, as the source guard wants it;</item>
/// <item>it is to be forwarded, by a link of <see cref="FlowMaps.Links"/>, and fits.</item>
/// </list>
/// What was found out of a flow, one direction of a connection, holds for <see cref="Trust"/>, so that a packet costs one look-up; then it is found out
/// anew, and connection tracking told that the connection lives. So a route, or a connection that somebody deletes, counts after that time at most.
/// </summary>
/// <param name="maps">Shared by the programs of all links.</param>
/// <param name="tunnel">This node's address in the underlay, where packets come wrapped; IPv4.</param>
/// <param name="establishedTimeout">How long connection tracking keeps a connection that rests (nf_conntrack_tcp_timeout_established).</param>
internal sealed partial class FlowProgram(FlowPlace place, FlowMaps maps, ConntrackFunctions conntrack, IPAddress? tunnel, TimeSpan establishedTimeout)
{
    internal static readonly TimeSpan Trust = TimeSpan.FromSeconds(1);

    // struct __sk_buff (linux/bpf.h)
    private const int Length = 0, PacketType = 4, Protocol = 16, HasVlan = 20, InputDevice = 36, Data = 76, DataEnd = 80, SegmentSize = 176;

    // struct bpf_fib_lookup and BPF_FIB_LKUP_RET_* (linux/bpf.h)
    private const int RouteSize = 64, RouteProtocol = 1, RouteSourcePort = 2, RouteDestinationPort = 4, RouteMtu = 6, RouteDevice = 8, RouteSource = 16, RouteDestination = 32, RouteOwnMac = 52, RouteNextMac = 58;
    private const int RouteIsTunnel = 6, NoNeighbour = 7, TooLarge = 8;

    // struct bpf_ct_opts (net/netfilter/nf_conntrack_bpf.c), its first form
    private const int OptionsSize = 12, CurrentNamespace = -1;

    // enum ip_conntrack_status: set in both directions, and nothing that changes packets or their timing
    private const int Assured = 1 << 2, Confirmed = 1 << 3, SourceTranslated = 1 << 4, DestinationTranslated = 1 << 5, SequenceAdjusted = 1 << 6, Dying = 1 << 9, Helper = 1 << 13;
    private const int Established = 3; // TCP_CONNTRACK_ESTABLISHED

    // TC_ACT_*
    private const int GoOn = 0, Drop = 2;

    // bpf_skb_adjust_room: BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_*
    private const int BehindEthernet = 1;
    private const ulong FixedSegments = 1, WrapIPv4 = 1 << 1, WrapUdp = 1 << 4, KeepChecksum = 1 << 5, WrapEthernet = 1 << 6, UnwrapIPv4 = 1 << 7, UnwrapIPv6 = 1 << 8;
    private const int LinkLengthShift = 56;
    private const int RecomputeChecksum = 1; // BPF_F_RECOMPUTE_CSUM

    // Headers: IEEE 802.3; RFC 791; RFC 8200; RFC 9293; RFC 768; RFC 7348
    private const int Ethernet = 14, IPv4 = 20, IPv6 = 40, Tcp = 20, Outer = 50, EthernetType = 12;
    private const int ProtocolTcp = 6, ProtocolUdp = 17, FamilyV4 = 2, FamilyV6 = 10;
    private const int FinSynRst = 0b111;
    private const int LargestDatagram = 65535;

    // The stack, from its top downwards
    private const int Key = -40, Now = -48, HeaderLength = -56, Ecn = -52, Flow = -152, Route = -216, Tuple = -256, Options = -272, PeerKey = -296, Scratch = -304;

    // Parts of the maps' keys and values (FlowMaps)
    private const int Where = Key, Ports = Key + 4, Source = Key + 8, Destination = Key + 24;
    private const int Until = 0, OutputDevice = 8, Action = 12, Largest = 16, Checksum = 20, Headers = 30;
    private const int PeerHost = 0, PeerOwn = 4, PeerHostLink = 8, PeerOwnLink = 14;

    private readonly Assembler _code = new();
    private readonly Label _found = new("found"), _ended = new("ended"), _slow = new("slow"), _drop = new("drop"), _check = new("check"), _refuse = new("refuse"), _hit = new("hit");

    private bool Unwraps => place == FlowPlace.Underlay && tunnel is not null;

    private bool Wraps => place == FlowPlace.Pod;

    /// <summary>The program, for the kernel.</summary>
    internal byte[] Assemble()
    {
        Parse();
        LookUp();
        Check();
        Take();
        return _code.ToBytes();
    }

    /// <summary>To "hit" with a flow in register 0, or on to the check.</summary>
    private void LookUp()
    {
        _code.Place(_found);
        _code.Call(Bpf.Helper.CoarseTime);
        _code.Store(Width.Double, Stack, Now, R0);
        FindFlow();
        _code.JumpIf(R0, Condition.Equal, 0, _check);
        _code.Load(Width.Double, R1, R0, Until);
        _code.Load(Width.Double, R2, Stack, Now);
        _code.JumpIf(R1, Condition.GreaterOrEqual, R2, _hit);
        _code.Place(_check);
    }

    private void FindFlow()
    {
        _code.MoveMap(R1, maps.Flows);
        _code.MoveStack(R2, Key);
        _code.Call(Bpf.Helper.MapLookup);
    }

    /// <summary>Finds out what is to be done with a flow, and keeps it.</summary>
    private void Check()
    {
        CheckConnection();
        if (place == FlowPlace.Pod)
            CheckSource();
        ChooseWay();
        Keep();
        FindFlow();
        _code.JumpIf(R0, Condition.Equal, 0, _slow);
        _code.Jump(_hit);

        // A connection that is established and goes another way does so for good: of it, too, is known what is to be done.
        _code.Place(_refuse);
        Clear(Flow, FlowMaps.FlowSize);
        Keep();
        _code.Jump(_slow);
    }

    private void CheckConnection()
    {
        var (tuple6, lookUp, established, release) = (new Label("tuple of IPv6"), new Label("look up"), new Label("established"), new Label("release"));
        IfIPv6(tuple6);
        // union bpf_sock_tuple
        _code.Copy(Width.Word, Stack, Tuple, Stack, Source, by: R1);
        _code.Copy(Width.Word, Stack, Tuple + 4, Stack, Destination, by: R1);
        _code.Copy(Width.Word, Stack, Tuple + 8, Stack, Ports, by: R1);
        _code.Move(R3, 12);
        _code.Jump(lookUp);
        _code.Place(tuple6);
        CopyAddress(Tuple, Source);
        CopyAddress(Tuple + 16, Destination);
        _code.Copy(Width.Word, Stack, Tuple + 32, Stack, Ports, by: R1);
        _code.Move(R3, 36);

        _code.Place(lookUp);
        _code.Store(Width.Word, Stack, Options, CurrentNamespace);
        _code.Store(Width.Word, Stack, Options + 4, 0);
        _code.Store(Width.Byte, Stack, Options + 8, ProtocolTcp);
        _code.Store(Width.Byte, Stack, Options + 9, 0);
        _code.Store(Width.Half, Stack, Options + 10, 0);
        _code.Move(R1, R6);
        _code.MoveStack(R2, Tuple);
        _code.MoveStack(R4, Options);
        _code.Move(R5, OptionsSize);
        _code.CallKernel(conntrack.LookUp);
        _code.JumpIf(R0, Condition.Equal, 0, _slow);
        _code.Move(R9, R0);
        _code.Load(Width.Double, R1, R9, conntrack.Status);
        _code.And(R1, Assured | Confirmed | SourceTranslated | DestinationTranslated | SequenceAdjusted | Dying | Helper);
        _code.JumpIf(R1, Condition.NotEqual, Assured | Confirmed, release);
        _code.Load(Width.Byte, R1, R9, conntrack.TcpState);
        _code.JumpIf(R1, Condition.NotEqual, Established, release);
        _code.Move(R1, R9);
        _code.Move(R2, (int)Math.Min(establishedTimeout.TotalMilliseconds, int.MaxValue));
        _code.CallKernel(conntrack.ChangeTimeout);
        _code.Move(R1, R9);
        _code.CallKernel(conntrack.Release);
        _code.Jump(established);
        _code.Place(release);
        _code.Move(R1, R9);
        _code.CallKernel(conntrack.Release);
        _code.Jump(_slow);
        _code.Place(established);
    }

    /// <summary>As the source guard's rule does, <c>fib saddr . iif oif missing</c>.</summary>
    private void CheckSource()
    {
        FindRoute(from: Destination, to: Source);
        _code.JumpIf(R0, Condition.NotEqual, 0, _refuse);
        _code.Load(Width.Word, R1, Stack, Route + RouteDevice);
        _code.Load(Width.Word, R2, R6, InputDevice);
        _code.JumpIf(R1, Condition.NotEqual, R2, _refuse);
    }

    private void ChooseWay()
    {
        var (plain, headers) = (new Label("plain"), new Label("headers"));
        FindRoute(from: Source, to: Destination);
        // On the stack from here on, as the kernel's check wants it: all of it is written into the map.
        Clear(Flow, FlowMaps.FlowSize);
        _code.JumpIf(R0, Condition.Equal, 0, plain);
        SlowWhileItMayChange();
        if (Wraps)
        {
            _code.JumpIf(R0, Condition.NotEqual, RouteIsTunnel, _refuse);
            ChooseTunnel();
            _code.Jump(headers);
        }
        else
        {
            _code.Jump(_refuse);
        }

        _code.Place(plain);
        _code.Load(Width.Word, R1, Stack, Route + RouteDevice);
        _code.Load(Width.Word, R2, R6, InputDevice);
        _code.JumpIf(R1, Condition.Equal, R2, _refuse);
        FindLink();
        _code.Copy(Width.Word, Stack, Flow + Action, R0, 0, by: R1);
        _code.Copy(Width.Half, Stack, Flow + Largest, Stack, Route + RouteMtu, by: R1);
        var (v6, typed) = (new Label("type of IPv6"), new Label("typed"));
        IfIPv6(v6);
        _code.Store(Width.Half, Stack, Flow + Headers + EthernetType, Network(EtherType(v6: false)));
        _code.Jump(typed);
        _code.Place(v6);
        _code.Store(Width.Half, Stack, Flow + Headers + EthernetType, Network(EtherType(v6: true)));
        _code.Place(typed);

        _code.Place(headers);
        _code.Copy(Width.Word, Stack, Flow + OutputDevice, Stack, Route + RouteDevice, by: R1);
        CopyMac(Flow + Headers, Stack, Route + RouteNextMac);
        CopyMac(Flow + Headers + 6, Stack, Route + RouteOwnMac);
    }

    /// <summary>A neighbour that is asked for, a packet that is too large: of the flow nothing is known by that.</summary>
    private void SlowWhileItMayChange()
    {
        _code.JumpIf(R0, Condition.Equal, NoNeighbour, _slow);
        _code.JumpIf(R0, Condition.Equal, TooLarge, _slow);
    }

    /// <summary>The link of the route that was found, in register 0.</summary>
    private void FindLink()
    {
        _code.MoveMap(R1, maps.Links);
        _code.MoveStack(R2, Route + RouteDevice);
        _code.Call(Bpf.Helper.MapLookup);
        _code.JumpIf(R0, Condition.Equal, 0, _refuse);
    }

    /// <summary>Writes all that goes before the packet but for its length, and finds the way to the other node.</summary>
    private void ChooseTunnel()
    {
        const int ip = Flow + Headers + Ethernet, udp = ip + IPv4, vxlan = udp + 8, inner = vxlan + 8;
        _code.Store(Width.Word, Stack, PeerKey, 32 + 128);
        _code.Load(Width.Word, R1, Stack, Where);
        _code.And(R1, FlowMaps.IsIPv6);
        _code.Store(Width.Word, Stack, PeerKey + 4, R1);
        CopyAddress(PeerKey + 8, Destination);
        _code.MoveMap(R1, maps.Peers);
        _code.MoveStack(R2, PeerKey);
        _code.Call(Bpf.Helper.MapLookup);
        _code.JumpIf(R0, Condition.Equal, 0, _refuse);
        _code.Move(R9, R0);

        Clear(Route, RouteSize);
        _code.Store(Width.Byte, Stack, Route, FamilyV4);
        _code.Copy(Width.Word, Stack, Route + RouteDevice, R6, InputDevice, by: R1);
        _code.Copy(Width.Word, Stack, Route + RouteSource, R9, PeerOwn, by: R1);
        _code.Copy(Width.Word, Stack, Route + RouteDestination, R9, PeerHost, by: R1);
        AskForRoute();
        SlowWhileItMayChange();
        _code.JumpIf(R0, Condition.NotEqual, 0, _refuse);
        FindLink();
        _code.Load(Width.Word, R1, R0, 0);
        _code.JumpIf(R1, Condition.NotEqual, (int)FlowAction.ToLink, _refuse);
        _code.Load(Width.Half, R1, Stack, Route + RouteMtu);
        _code.Add(R1, -Outer);
        _code.Store(Width.Word, Stack, Flow + Largest, R1);
        _code.Store(Width.Word, Stack, Flow + Action, (int)FlowAction.Wrap);

        _code.Store(Width.Half, Stack, Flow + Headers + EthernetType, Network(EtherType(v6: false)));
        _code.Store(Width.Byte, Stack, ip, 0x45);
        _code.Store(Width.Byte, Stack, ip + 8, 64); // net.ipv4.ip_default_ttl, as it is unless somebody changed it
        _code.Store(Width.Byte, Stack, ip + 9, ProtocolUdp);
        _code.Copy(Width.Word, Stack, ip + 12, R9, PeerOwn, by: R1);
        _code.Copy(Width.Word, Stack, ip + 16, R9, PeerHost, by: R1);
        _code.Move(R1, 0);
        _code.Move(R2, 0);
        _code.MoveStack(R3, ip);
        _code.Move(R4, IPv4);
        _code.Move(R5, 0);
        _code.Call(Bpf.Helper.ChecksumDifference);
        _code.Store(Width.Word, Stack, Flow + Checksum, R0);

        // RFC 7348, section 5: a source port by the flow, of the dynamic ones, and no checksum.
        _code.Move(R1, R6);
        _code.Call(Bpf.Helper.PacketHash);
        _code.And(R0, 0x3FFF);
        _code.Or(R0, 0xC000);
        _code.Store(Width.Half, Stack, udp, R0);
        _code.Store(Width.Half, Stack, udp + 2, Network(VxlanOverlay.Port));
        _code.Store(Width.Word, Stack, vxlan, Network32(0x0800_0000));
        _code.Store(Width.Word, Stack, vxlan + 4, Network32(VxlanOverlay.Id << 8));
        CopyMac(inner, R9, PeerHostLink);
        CopyMac(inner + 6, R9, PeerOwnLink);
        var (v6, typed) = (new Label("type of IPv6 within"), new Label("typed within"));
        IfIPv6(v6);
        _code.Store(Width.Half, Stack, inner + EthernetType, Network(EtherType(v6: false)));
        _code.Jump(typed);
        _code.Place(v6);
        _code.Store(Width.Half, Stack, inner + EthernetType, Network(EtherType(v6: true)));
        _code.Place(typed);
    }

    private void Keep()
    {
        _code.Load(Width.Double, R1, Stack, Now);
        _code.Add(R1, (int)Trust.TotalNanoseconds);
        _code.Store(Width.Double, Stack, Flow + Until, R1);
        _code.MoveMap(R1, maps.Flows);
        _code.MoveStack(R2, Key);
        _code.MoveStack(R3, Flow);
        _code.Move(R4, 0);
        _code.Call(Bpf.Helper.MapUpdate);
    }

    /// <summary>Asks the kernel's routes, as for a packet to forward, between two addresses of the key; the result is in register 0.</summary>
    private void FindRoute(int from, int to)
    {
        var (v6, known) = (new Label("route of IPv6"), new Label("family known"));
        Clear(Route, RouteSize);
        IfIPv6(v6);
        _code.Store(Width.Byte, Stack, Route, FamilyV4);
        _code.Jump(known);
        _code.Place(v6);
        _code.Store(Width.Byte, Stack, Route, FamilyV6);
        _code.Place(known);
        _code.Store(Width.Byte, Stack, Route + RouteProtocol, ProtocolTcp);
        _code.Copy(Width.Half, Stack, Route + RouteSourcePort, Stack, from == Source ? Ports : Ports + 2, by: R1);
        _code.Copy(Width.Half, Stack, Route + RouteDestinationPort, Stack, from == Source ? Ports + 2 : Ports, by: R1);
        _code.Copy(Width.Word, Stack, Route + RouteDevice, R6, InputDevice, by: R1);
        CopyAddress(Route + RouteSource, from);
        CopyAddress(Route + RouteDestination, to);
        AskForRoute();
    }

    private void AskForRoute()
    {
        _code.Move(R1, R6);
        _code.MoveStack(R2, Route);
        _code.Move(R3, RouteSize);
        _code.Move(R4, 0);
        _code.Call(Bpf.Helper.RouteLookup);
    }

    private void IfIPv6(Label then)
    {
        _code.Load(Width.Word, R1, Stack, Where);
        _code.JumpIf(R1, Condition.HasBits, FlowMaps.IsIPv6, then);
    }

    private void CopyAddress(int to, int from)
    {
        _code.Copy(Width.Double, Stack, to, Stack, from, by: R1);
        _code.Copy(Width.Double, Stack, to + 8, Stack, from + 8, by: R1);
    }

    /// <summary>By halves: neither place need be at a multiple of 4 bytes.</summary>
    private void CopyMac(int to, Register from, int fromOffset)
    {
        for (var i = 0; i < 6; i += 2)
            _code.Copy(Width.Half, Stack, to + i, from, fromOffset + i, by: R1);
    }

    private void Clear(int at, int bytes)
    {
        for (var i = 0; i < bytes; i += 8)
            _code.Store(Width.Double, Stack, at + i, 0);
    }

    private static int EtherType(bool v6) => v6 ? 0x86DD : 0x0800;

    /// <summary>As 16 bits in a packet read in this machine's order.</summary>
    private static int Network(int value) => (ushort)IPAddress.HostToNetworkOrder((short)value);

    private static int Network32(uint value) => IPAddress.HostToNetworkOrder((int)value);
}
