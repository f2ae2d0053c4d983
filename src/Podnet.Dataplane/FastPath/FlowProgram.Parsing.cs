using Podnet.Bpf;
using Podnet.Core.Routes;
using static Podnet.Bpf.Register;

namespace Podnet.Dataplane.FastPath;

/// <content>Which flow a packet is of.</content>
internal sealed partial class FlowProgram
{
    /// <summary>Register 6 is the packet's context from here on, 7 its first byte, 8 its IP header; the key of its flow is on the stack.</summary>
    private void Parse()
    {
        var (v4, v6, tunnelled) = (new Label("IPv4"), new Label("IPv6"), new Label("tunnelled"));
        _code.Move(R6, R1);
        _code.Load(Width.Word, R1, R6, PacketType);
        _code.JumpIf(R1, Condition.NotEqual, 0, _slow); // PACKET_HOST: for this node, by its Ethernet address
        _code.Load(Width.Word, R1, R6, HasVlan);
        _code.JumpIf(R1, Condition.NotEqual, 0, _slow);
        _code.Load(Width.Word, R7, R6, Data);
        _code.Load(Width.Word, R1, R6, Protocol);
        _code.JumpIf(R1, Condition.Equal, Network(EtherType(v6: false)), v4);
        _code.JumpIf(R1, Condition.Equal, Network(EtherType(v6: true)), v6);
        _code.Place(_slow);
        _code.Move(R0, GoOn);
        _code.Exit();
        _code.Place(_drop);
        _code.Move(R0, Drop);
        _code.Exit();

        // Of connections that begin or end nothing is kept.
        _code.Place(_ended);
        _code.MoveMap(R1, maps.Flows);
        _code.MoveStack(R2, Key);
        _code.Call(Bpf.Helper.MapDelete);
        _code.Jump(_slow);

        _code.Place(v4);
        Require(Ethernet + IPv4 + Tcp);
        if (Unwraps)
        {
            _code.Load(Width.Byte, R1, R7, Ethernet + 9);
            _code.JumpIf(R1, Condition.Equal, ProtocolUdp, tunnelled);
        }

        ParseIPv4(Ethernet, 0);
        _code.Place(v6);
        Require(Ethernet + IPv6 + Tcp);
        ParseIPv6(Ethernet, 0);
        if (Unwraps)
            ParseTunnelled(tunnelled);
    }

    private void ParseTunnelled(Label here)
    {
        var inner6 = new Label("IPv6 within");
        _code.Place(here);
        ExpectPlainIPv4(Ethernet);
        _code.Load(Width.Word, R1, R7, Ethernet + 16);
        _code.MoveWide(R2, BitConverter.ToUInt32(tunnel!.GetAddressBytes()));
        _code.JumpIf(R1, Condition.NotEqual, R2, _slow);
        _code.Load(Width.Half, R1, R7, Ethernet + IPv4 + 2);
        _code.JumpIf(R1, Condition.NotEqual, Network(VxlanOverlay.Port), _slow);
        // "Congestion experienced" is to be passed on to the packet within (RFC 6040, 4.2): the kernel's device does.
        _code.Load(Width.Byte, R1, R7, Ethernet + 1);
        _code.And(R1, 3);
        _code.JumpIf(R1, Condition.Equal, 3, _slow);
        Require(Outer + Ethernet + IPv4 + Tcp);
        _code.Load(Width.Word, R1, R7, Ethernet + IPv4 + 8);
        _code.JumpIf(R1, Condition.NotEqual, Network32(0x0800_0000), _slow); // the network identifier counts, and nothing else is set
        _code.Load(Width.Word, R1, R7, Ethernet + IPv4 + 12);
        _code.JumpIf(R1, Condition.NotEqual, Network32(VxlanOverlay.Id << 8), _slow);
        _code.Load(Width.Half, R1, R7, Outer + EthernetType);
        _code.JumpIf(R1, Condition.Equal, Network(EtherType(v6: true)), inner6);
        _code.JumpIf(R1, Condition.NotEqual, Network(EtherType(v6: false)), _slow);
        ParseIPv4(Outer + Ethernet, FlowMaps.IsWrapped);
        _code.Place(inner6);
        Require(Outer + Ethernet + IPv6 + Tcp);
        ParseIPv6(Outer + Ethernet, FlowMaps.IsWrapped);
    }

    /// <summary>Of 20 bytes, and no fragment.</summary>
    private void ExpectPlainIPv4(int at)
    {
        _code.Load(Width.Byte, R1, R7, at);
        _code.JumpIf(R1, Condition.NotEqual, 0x45, _slow);
        _code.Load(Width.Half, R1, R7, at + 6);
        _code.JumpIf(R1, Condition.HasBits, Network(0x3FFF), _slow); // "more fragments", and where this one belongs
    }

    private void ParseIPv4(int at, int where)
    {
        ExpectPlainIPv4(at);
        ExpectTcp(at + 9, timeToLive: at + 8);
        _code.Copy(Width.Word, Stack, Source, R7, at + 12, by: R1);
        _code.Store(Width.Word, Stack, Source + 4, 0);
        _code.Store(Width.Double, Stack, Source + 8, 0);
        _code.Copy(Width.Word, Stack, Destination, R7, at + 16, by: R1);
        _code.Store(Width.Word, Stack, Destination + 4, 0);
        _code.Store(Width.Double, Stack, Destination + 8, 0);
        _code.Load(Width.Byte, R1, R7, at + 1);
        ParseTcp(at, IPv4, where);
    }

    private void ParseIPv6(int at, int where)
    {
        _code.Load(Width.Byte, R1, R7, at);
        _code.And(R1, 0xF0);
        _code.JumpIf(R1, Condition.NotEqual, 0x60, _slow);
        ExpectTcp(at + 6, timeToLive: at + 7);
        for (var i = 0; i < 16; i += 8)
        {
            _code.Copy(Width.Double, Stack, Source + i, R7, at + 8 + i, by: R1);
            _code.Copy(Width.Double, Stack, Destination + i, R7, at + 24 + i, by: R1);
        }

        _code.Load(Width.Byte, R1, R7, at + 1);
        _code.ShiftRight(R1, 4);
        ParseTcp(at, IPv6, where | FlowMaps.IsIPv6);
    }

    private void ExpectTcp(int protocol, int timeToLive)
    {
        _code.Load(Width.Byte, R1, R7, protocol);
        _code.JumpIf(R1, Condition.NotEqual, ProtocolTcp, _slow);
        _code.Load(Width.Byte, R1, R7, timeToLive);
        _code.JumpIf(R1, Condition.LessOrEqual, 1, _slow); // its sender is told by ICMP
    }

    /// <summary>Register 1 has the byte of which the low bits are those of congestion (RFC 3168).</summary>
    private void ParseTcp(int at, int headerLength, int where)
    {
        _code.And(R1, 3);
        _code.Store(Width.Word, Stack, Ecn, R1);
        _code.Load(Width.Word, R1, R6, InputDevice);
        _code.Or(R1, where);
        _code.Store(Width.Word, Stack, Where, R1);
        _code.Copy(Width.Word, Stack, Ports, R7, at + headerLength, by: R1);
        _code.Load(Width.Byte, R1, R7, at + headerLength + 12); // the length of TCP's header, in units of 4 bytes in the high bits
        _code.ShiftRight(R1, 4);
        _code.ShiftLeft(R1, 2);
        _code.Add(R1, headerLength);
        _code.Store(Width.Word, Stack, HeaderLength, R1);
        _code.Move(R8, R7);
        _code.Add(R8, at);
        _code.Load(Width.Byte, R1, R7, at + headerLength + 13);
        _code.JumpIf(R1, Condition.HasBits, FinSynRst, _ended);
        _code.Jump(_found);
    }

    /// <summary>So many bytes from register 7 on can be read; where they are in pieces, they are put together.</summary>
    private void Require(int bytes)
    {
        var there = new Label("there");
        _code.Move(R2, R7);
        _code.Add(R2, bytes);
        _code.Load(Width.Word, R3, R6, DataEnd);
        _code.JumpIf(R2, Condition.LessOrEqual, R3, there);
        _code.Move(R1, R6);
        _code.Move(R2, bytes);
        _code.Call(Bpf.Helper.PullData);
        _code.Load(Width.Word, R7, R6, Data);
        _code.Move(R2, R7);
        _code.Add(R2, bytes);
        _code.Load(Width.Word, R3, R6, DataEnd);
        _code.JumpIf(R2, Condition.Greater, R3, _slow);
        _code.Place(there);
    }
}
