using static Podnet.Bpf.Register;

namespace Podnet.Bpf.Tests;

public sealed class AssemblerTests
{
    [Fact]
    public void Instructions_are_those_of_another_assembler()
    {
        // What llvm-mc -triple bpfel makes of:
        //   r9 = 0x1122334455667788 ll; r0 = 7; r0 += -3; r1 = r0; r1 <<= 4; r1 &= 240; r2 = *(u32 *)(r10 - 8); *(u16 *)(r10 - 16) = r1;
        //   r3 = be16 r3; if r1 > r2 goto +2; if r1 >= 3 goto -4; call 5; exit
        const string golden = """
            18 09 00 00 88 77 66 55  00 00 00 00 44 33 22 11
            b7 00 00 00 07 00 00 00  07 00 00 00 fd ff ff ff
            bf 01 00 00 00 00 00 00  67 01 00 00 04 00 00 00
            57 01 00 00 f0 00 00 00  61 a2 f8 ff 00 00 00 00
            6b 1a f0 ff 00 00 00 00  dc 03 00 00 10 00 00 00
            2d 21 02 00 00 00 00 00  35 01 fc ff 03 00 00 00
            85 00 00 00 05 00 00 00  95 00 00 00 00 00 00 00
            """;
        var (code, back, end) = (new Assembler(), new Label("back"), new Label("end"));
        code.MoveWide(R9, 0x1122334455667788);
        code.Move(R0, 7);
        code.Add(R0, -3);
        code.Move(R1, R0);
        code.ShiftLeft(R1, 4);
        code.And(R1, 240);
        code.Load(Width.Word, R2, Stack, -8);
        code.Place(back);
        code.Store(Width.Half, Stack, -16, R1);
        code.ToNetworkOrder16(R3);
        code.JumpIf(R1, Condition.Greater, R2, end);
        code.JumpIf(R1, Condition.GreaterOrEqual, 3, back);
        code.Call((Helper)5);
        code.Place(end);
        code.Exit();
        Assert.Equal(Convert.FromHexString(string.Concat(golden.Where(c => !char.IsWhiteSpace(c)))), code.ToBytes());
    }

    [Fact]
    public void A_label_that_is_nowhere_is_named()
    {
        var code = new Assembler();
        code.Jump(new Label("lost"));
        Assert.Contains("lost", Assert.Throws<InvalidOperationException>(() => code.ToBytes()).Message, StringComparison.Ordinal);
    }
}
