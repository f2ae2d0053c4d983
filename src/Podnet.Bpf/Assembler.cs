using System.Runtime.InteropServices;

namespace Podnet.Bpf;

/// <summary>Writes a BPF program, instruction by instruction (RFC 9669).</summary>
/// <remarks>
/// <code>
/// An instruction, in host byte order:
///
///   0        1           2        4           8
///   | opcode | dst | src | offset | immediate |      dst and src are 4 bits each, dst the low ones on little-endian machines
///
///   opcode:  class (3 bits) | source: 0 immediate, 1 register (1 bit) | operation (4 bits)      arithmetic and jumps
///            class (3 bits) | width (2 bits) | mode (3 bits)                                    loads and stores
/// </code>
/// Jumps go to labels, forward or back; <see cref="ToBytes"/> fills in how far.
/// </remarks>
public sealed class Assembler
{
    // Classes (section 3), modes of loads and stores (section 5)
    private const byte LoadImmediateClass = 0x00, LoadClass = 0x01, StoreImmediateClass = 0x02, StoreClass = 0x03, SwapClass = 0x04, JumpClass = 0x05, ArithmeticClass = 0x07;
    private const byte MemoryMode = 0x60;
    private const byte RegisterSource = 0x08;

    // Operations (sections 4.1 to 4.3)
    private const byte Addition = 0x00, Disjunction = 0x40, Conjunction = 0x50, LeftShift = 0x60, RightShift = 0x70, Exclusion = 0xA0, Movement = 0xB0, ByteSwap = 0xD0;
    private const byte Always = 0x00, CallOperation = 0x80, ExitOperation = 0x90;

    // What an instruction names in place of a source register (linux/bpf.h, BPF_PSEUDO_*).
    private const byte PseudoMap = 1, PseudoKernelFunction = 2;

    private const byte WideWidth = 0x18;

    private readonly List<Instruction> _instructions = [];
    private readonly List<(int From, Label To)> _jumps = [];

    public void Move(Register to, Register from) => Put(ArithmeticClass | RegisterSource | Movement, to, from);

    /// <summary>The number is extended by its sign to 64 bits.</summary>
    public void Move(Register to, int value) => Put(ArithmeticClass | Movement, to, immediate: value);

    /// <summary>All 64 bits.</summary>
    public void MoveWide(Register to, ulong value) => PutWide(to, 0, (int)value, (int)(value >> 32));

    /// <summary>A map, for a helper.</summary>
    public void MoveMap(Register to, BpfMap map) => PutWide(to, PseudoMap, map.Descriptor, 0);

    /// <summary>The address of what is on the stack, so far from its top: a negative number.</summary>
    public void MoveStack(Register to, int offset)
    {
        Move(to, Register.Stack);
        Add(to, offset);
    }

    public void Add(Register to, int value) => Put(ArithmeticClass | Addition, to, immediate: value);

    public void Add(Register to, Register value) => Put(ArithmeticClass | RegisterSource | Addition, to, value);

    public void And(Register to, int value) => Put(ArithmeticClass | Conjunction, to, immediate: value);

    public void Or(Register to, int value) => Put(ArithmeticClass | Disjunction, to, immediate: value);

    public void Xor(Register to, int value) => Put(ArithmeticClass | Exclusion, to, immediate: value);

    public void ShiftLeft(Register to, int bits) => Put(ArithmeticClass | LeftShift, to, immediate: bits);

    public void ShiftRight(Register to, int bits) => Put(ArithmeticClass | RightShift, to, immediate: bits);

    /// <summary>The low 16 bits from host to network byte order; the others become zeros.</summary>
    public void ToNetworkOrder16(Register to) => Put(SwapClass | RegisterSource | ByteSwap, to, immediate: 16);

    /// <summary>What is narrower than a register is extended by zeros.</summary>
    public void Load(Width width, Register to, Register from, int offset) => Put((byte)(LoadClass | MemoryMode | (byte)width), to, from, offset);

    public void Store(Width width, Register to, int offset, Register value) => Put((byte)(StoreClass | MemoryMode | (byte)width), to, value, offset);

    public void Store(Width width, Register to, int offset, int value) => Put((byte)(StoreImmediateClass | MemoryMode | (byte)width), to, offset: offset, immediate: value);

    /// <summary>From memory to memory, by way of a register.</summary>
    public void Copy(Width width, Register to, int toOffset, Register from, int fromOffset, Register by)
    {
        Load(width, by, from, fromOffset);
        Store(width, to, toOffset, by);
    }

    public void Jump(Label to) => PutJump(Always, default, default, 0, to);

    public void JumpIf(Register left, Condition condition, int right, Label to) => PutJump((byte)condition, left, default, right, to);

    public void JumpIf(Register left, Condition condition, Register right, Label to) => PutJump((byte)((byte)condition | RegisterSource), left, right, 0, to);

    /// <summary>Arguments are in registers 1 to 5, which are lost; the result is in register 0.</summary>
    public void Call(Helper helper) => Put(JumpClass | CallOperation, default, immediate: (int)helper);

    /// <summary>As <see cref="Call"/>, of a function of the kernel that programs may call (Documentation/bpf/kfuncs.rst).</summary>
    public void CallKernel(KernelFunction function) =>
        Put(JumpClass | CallOperation, default, (Register)PseudoKernelFunction, function.InModule ? 1 : 0, function.Id);

    /// <summary>Ends the program; register 0 is its result.</summary>
    public void Exit() => Put(JumpClass | ExitOperation, default);

    /// <summary>The label is here: where the next instruction goes.</summary>
    public void Place(Label label)
    {
        if (label.At >= 0)
            throw new InvalidOperationException($"label {label.Name} is in two places");
        label.At = _instructions.Count;
    }

    /// <summary>For the kernel.</summary>
    public byte[] ToBytes()
    {
        var instructions = CollectionsMarshal.AsSpan(_instructions);
        foreach (var (from, to) in _jumps)
        {
            if (to.At < 0)
                throw new InvalidOperationException($"label {to.Name} is nowhere");
            instructions[from].Offset = checked((short)(to.At - from - 1));
        }

        return MemoryMarshal.AsBytes(instructions).ToArray();
    }

    private void Put(byte opcode, Register to, Register from = default, int offset = 0, int immediate = 0) =>
        _instructions.Add(new Instruction(opcode, to, from, checked((short)offset), immediate));

    private void PutWide(Register to, byte source, int low, int high)
    {
        Put(LoadImmediateClass | WideWidth, to, (Register)source, 0, low);
        Put(0, default, default, 0, high);
    }

    private void PutJump(byte operation, Register left, Register right, int immediate, Label to)
    {
        _jumps.Add((_instructions.Count, to));
        Put((byte)(JumpClass | operation), left, right, 0, immediate);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Instruction(byte opcode, Register to, Register from, short offset, int immediate)
    {
        private readonly byte _opcode = opcode;
        private readonly byte _registers = BitConverter.IsLittleEndian ? (byte)((byte)to | ((byte)from << 4)) : (byte)(((byte)to << 4) | (byte)from);
        internal short Offset = offset;
        private readonly int _immediate = immediate;
    }
}

/// <summary>A place in a program, for jumps.</summary>
public sealed class Label(string name)
{
    /// <summary>For whoever forgets to place it.</summary>
    public string Name { get; } = name;

    internal int At { get; set; } = -1;
}

/// <summary>0 is for results, 1 to 5 are for arguments and lost in a call, 6 to 9 outlast calls.</summary>
public enum Register : byte
{
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,

    /// <summary>The top of the program's 512 bytes; read only.</summary>
    Stack,
}

/// <summary>Of a load or a store: 1, 2, 4 or 8 bytes.</summary>
public enum Width : byte
{
    Word = 0x00,
    Half = 0x08,
    Byte = 0x10,
    Double = 0x18,
}

/// <summary>Numbers are compared as 64 bits without a sign.</summary>
public enum Condition : byte
{
    Equal = 0x10,
    Greater = 0x20,
    GreaterOrEqual = 0x30,

    /// <summary>They have a bit in common.</summary>
    HasBits = 0x40,
    NotEqual = 0x50,
    LessOrEqual = 0xB0,
}

/// <summary>Functions that any kernel has for programs (linux/bpf.h, ___BPF_FUNC_MAPPER).</summary>
public enum Helper
{
    MapLookup = 1,
    MapUpdate = 2,
    MapDelete = 3,
    RandomNumber = 7,
    StoreBytes = 9,
    Redirect = 23,
    ChecksumDifference = 28,
    PacketHash = 34,
    PullData = 39,
    AdjustRoom = 50,
    RouteLookup = 69,
    RedirectPeer = 155,
    CoarseTime = 160,
}
