using Podnet.Bpf;
using static Podnet.Bpf.Register;

namespace Podnet.Dataplane.FastPath;

/// <content>What becomes of a packet whose flow is known.</content>
internal sealed partial class FlowProgram
{
    /// <summary>Does with a packet what its flow, in register 0, says.</summary>
    private void Take()
    {
        var (fits, wrap) = (new Label("fits"), new Label("wrap"));
        _code.Place(_hit);
        _code.Move(R9, R0);
        _code.Load(Width.Word, R1, R9, Action);
        _code.JumpIf(R1, Condition.Equal, (int)FlowAction.None, _slow);
        _code.JumpIf(R1, Condition.Equal, (int)FlowAction.ToPeer, fits);
        ExpectToFit();
        _code.Place(fits);
        Count();
        CountHop();
        if (Wraps)
        {
            _code.Load(Width.Word, R1, R9, Action);
            _code.JumpIf(R1, Condition.Equal, (int)FlowAction.Wrap, wrap);
        }

        if (Unwraps)
            Unwrap();
        _code.Load(Width.Word, R7, R6, Data);
        ExpectData(Ethernet);
        _code.Copy(Width.Double, R7, 0, R9, Headers, by: R1);
        _code.Copy(Width.Word, R7, 8, R9, Headers + 8, by: R1);
        _code.Copy(Width.Half, R7, 12, R9, Headers + 12, by: R1);
        var toLink = new Label("to link");
        _code.Load(Width.Word, R3, R9, Action);
        _code.Load(Width.Word, R1, R9, OutputDevice);
        _code.Move(R2, 0);
        _code.JumpIf(R3, Condition.NotEqual, (int)FlowAction.ToPeer, toLink);
        _code.Call(Bpf.Helper.RedirectPeer);
        _code.Exit();
        _code.Place(toLink);
        _code.Call(Bpf.Helper.Redirect);
        _code.Exit();
        if (Wraps)
            Wrap(wrap);
    }

    /// <summary>What is larger than the link takes is the kernel's to refuse; of what is yet to be cut up, its pieces count.</summary>
    private void ExpectToFit()
    {
        var (whole, compare, plain) = (new Label("whole"), new Label("compare"), new Label("not wrapped"));
        _code.Load(Width.Word, R2, R6, Length);
        _code.JumpIf(R2, Condition.Greater, LargestDatagram - Outer, _slow);
        _code.Load(Width.Word, R1, R6, SegmentSize);
        _code.JumpIf(R1, Condition.Equal, 0, whole);
        _code.Load(Width.Word, R2, Stack, HeaderLength);
        _code.Add(R2, R1);
        _code.Jump(compare);
        _code.Place(whole);
        _code.Add(R2, -Ethernet);
        if (Unwraps)
        {
            _code.Load(Width.Word, R1, Stack, Where);
            _code.And(R1, FlowMaps.IsWrapped);
            _code.JumpIf(R1, Condition.Equal, 0, plain);
            _code.Add(R2, -Outer);
            _code.Place(plain);
        }

        _code.Place(compare);
        _code.Load(Width.Word, R1, R9, Largest);
        _code.JumpIf(R2, Condition.Greater, R1, _slow);
    }

    private void Count()
    {
        var none = new Label("no count");
        _code.Store(Width.Word, Stack, Scratch, 0);
        _code.MoveMap(R1, maps.Counts);
        _code.MoveStack(R2, Scratch);
        _code.Call(Bpf.Helper.MapLookup);
        _code.JumpIf(R0, Condition.Equal, 0, none);
        _code.Load(Width.Double, R1, R0, 0);
        _code.Add(R1, 1);
        _code.Store(Width.Double, R0, 0, R1);
        _code.Load(Width.Double, R1, R0, 8);
        _code.Load(Width.Word, R2, R6, Length);
        _code.Add(R1, R2);
        _code.Store(Width.Double, R0, 8, R1);
        _code.Place(none);
    }

    /// <summary>This node is a router for it: one hop less to go (RFC 1812, 5.3.1; RFC 8200, section 3).</summary>
    private void CountHop()
    {
        var (v6, done) = (new Label("hop of IPv6"), new Label("hopped"));
        IfIPv6(v6);
        _code.Load(Width.Byte, R1, R8, 8);
        _code.Add(R1, -1);
        _code.Store(Width.Byte, R8, 8, R1);
        // RFC 1624: the sum grows by what the header lost, and carries around.
        _code.Load(Width.Half, R1, R8, 10);
        _code.Add(R1, Network(0x0100));
        _code.Move(R2, R1);
        _code.ShiftRight(R2, 16);
        _code.Add(R1, R2);
        _code.Store(Width.Half, R8, 10, R1);
        _code.Jump(done);

        // IPv6 has no sum of its own, so the card's over the whole packet would be wrong: the helper minds that.
        _code.Place(v6);
        _code.Load(Width.Byte, R1, R8, 7);
        _code.Add(R1, -1);
        _code.Store(Width.Byte, Stack, Scratch, R1);
        _code.Move(R2, Ethernet + 7);
        if (Unwraps)
        {
            var plain = new Label("hop of IPv6, not wrapped");
            _code.Load(Width.Word, R1, Stack, Where);
            _code.And(R1, FlowMaps.IsWrapped);
            _code.JumpIf(R1, Condition.Equal, 0, plain);
            _code.Add(R2, Outer);
            _code.Place(plain);
        }

        _code.Move(R1, R6);
        _code.MoveStack(R3, Scratch);
        _code.Move(R4, 1);
        _code.Move(R5, RecomputeChecksum);
        _code.Call(Bpf.Helper.StoreBytes);
        _code.JumpIf(R0, Condition.NotEqual, 0, _drop);
        _code.Place(done);
    }

    private void Unwrap()
    {
        var (plain, v6, shrink) = (new Label("was not wrapped"), new Label("unwrap IPv6"), new Label("shrink"));
        _code.Load(Width.Word, R1, Stack, Where);
        _code.And(R1, FlowMaps.IsWrapped);
        _code.JumpIf(R1, Condition.Equal, 0, plain);
        IfIPv6(v6);
        _code.Move(R4, (int)(FixedSegments | UnwrapIPv4));
        _code.Jump(shrink);
        _code.Place(v6);
        _code.Move(R4, (int)(FixedSegments | UnwrapIPv6));
        _code.Place(shrink);
        _code.Move(R1, R6);
        _code.Move(R2, -Outer);
        _code.Move(R3, BehindEthernet);
        _code.Call(Bpf.Helper.AdjustRoom);
        _code.JumpIf(R0, Condition.NotEqual, 0, _drop);
        _code.Place(plain);
    }

    private void Wrap(Label here)
    {
        const int identification = Scratch, length = Scratch + 4;
        _code.Place(here);
        _code.Load(Width.Word, R1, R6, Length);
        _code.Add(R1, -Ethernet);
        _code.Store(Width.Word, Stack, length, R1);
        _code.Call(Bpf.Helper.RandomNumber); // RFC 6864, 4.1: it may be cut up on its way
        _code.And(R0, 0xFFFF);
        _code.Store(Width.Word, Stack, identification, R0);
        _code.Move(R1, R6);
        _code.Move(R2, Outer);
        _code.Move(R3, BehindEthernet);
        _code.MoveWide(R4, FixedSegments | WrapIPv4 | WrapUdp | KeepChecksum | WrapEthernet | ((ulong)Ethernet << LinkLengthShift));
        _code.Call(Bpf.Helper.AdjustRoom);
        _code.JumpIf(R0, Condition.NotEqual, 0, _drop);
        _code.Load(Width.Word, R7, R6, Data);
        ExpectData(Ethernet + Outer);
        for (var i = 0; i < Ethernet + Outer; i += 8)
            _code.Copy(Width.Double, R7, i, R9, Headers + i, by: R1);

        // Register 3 is the sum of the header: that of what is always the same, and of the three fields that are not.
        _code.Load(Width.Word, R3, R9, Checksum);
        _code.Load(Width.Word, R1, Stack, length);
        _code.Add(R1, Outer);
        _code.ToNetworkOrder16(R1);
        _code.Store(Width.Half, R7, Ethernet + 2, R1);
        _code.Add(R3, R1);
        _code.Load(Width.Word, R1, Stack, identification);
        _code.Store(Width.Half, R7, Ethernet + 4, R1);
        _code.Add(R3, R1);
        _code.Load(Width.Word, R1, Stack, Ecn); // RFC 6040, 4.1
        _code.Store(Width.Byte, R7, Ethernet + 1, R1);
        _code.ToNetworkOrder16(R1);
        _code.Add(R3, R1);
        for (var i = 0; i < 3; i++)
        {
            _code.Move(R1, R3);
            _code.And(R1, 0xFFFF);
            _code.ShiftRight(R3, 16);
            _code.Add(R3, R1);
        }

        _code.Xor(R3, 0xFFFF);
        _code.Store(Width.Half, R7, Ethernet + 10, R3);
        _code.Load(Width.Word, R1, Stack, length);
        _code.Add(R1, Outer - IPv4);
        _code.ToNetworkOrder16(R1);
        _code.Store(Width.Half, R7, Ethernet + IPv4 + 4, R1);
        _code.Load(Width.Word, R1, R9, OutputDevice);
        _code.Move(R2, 0);
        _code.Call(Bpf.Helper.Redirect);
        _code.Exit();
    }

    /// <summary>So many bytes from register 7 on can be written, which they can: the kernel's check wants to see it.</summary>
    private void ExpectData(int bytes)
    {
        _code.Move(R2, R7);
        _code.Add(R2, bytes);
        _code.Load(Width.Word, R3, R6, DataEnd);
        _code.JumpIf(R2, Condition.Greater, R3, _drop);
    }
}
