using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Podnet.Bpf;

/// <summary>Commands of bpf(2) and their parts of <c>union bpf_attr</c> (linux/bpf.h).</summary>
internal static class BpfWire
{
    // enum bpf_cmd
    internal const int CreateMap = 0;
    internal const int LookUpElement = 1;
    internal const int UpdateElement = 2;
    internal const int DeleteElement = 3;
    internal const int LoadProgram = 5;
    internal const int GetInfo = 15;
    internal const int OpenTypes = 19;
    internal const int NextTypes = 23;

    [StructLayout(LayoutKind.Sequential)]
    internal struct MapAttributes
    {
        internal uint Type;
        internal uint KeySize;
        internal uint ValueSize;
        internal uint MaximumEntries;
        internal uint Flags;
        private readonly uint _innerMap;
        private readonly uint _numaNode;
        internal ObjectName Name;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct ElementAttributes
    {
        internal int Map;
        private readonly uint _padding;
        internal ulong Key;
        internal ulong Value;
        private readonly ulong _flags;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct ProgramAttributes
    {
        internal uint Type;
        internal uint InstructionCount;
        internal ulong Instructions;
        internal ulong License;
        internal uint LogLevel;
        internal uint LogSize;
        internal ulong Log;
        private readonly uint _kernelVersion;
        private readonly uint _flags;
        internal ObjectName Name;
        private readonly Unused _unused;

        /// <summary>int[]: the types of modules by the offset of the calls of their functions; its first is the kernel's, and not looked at.</summary>
        internal ulong TypeDescriptors;
    }

    /// <summary>From prog_ifindex to core_relo_cnt.</summary>
    [InlineArray(14)]
    internal struct Unused
    {
        private uint _first;
    }

    /// <summary>Of <see cref="NextTypes"/>: a number, and where the one after it goes. Of <see cref="OpenTypes"/>: a number.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct IdAttributes
    {
        internal uint Id;
        internal uint Next;
        private readonly uint _flags;
    }

    /// <summary>struct bpf_btf_info: where the types themselves would go, and where the name.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct TypesInfo
    {
        private readonly ulong _types;
        private readonly uint _size;
        private readonly uint _id;
        internal ulong Name;
        internal uint NameSize;
        private readonly uint _isOfKernel;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct InfoAttributes
    {
        internal int Descriptor;
        internal uint Length;
        internal ulong Info;
    }

    /// <summary>The beginning of struct bpf_prog_info.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct ProgramInfo
    {
        private readonly uint _type;
        internal uint Id;
    }

    /// <summary>BPF_OBJ_NAME_LEN; letters, digits, _ and . alone.</summary>
    [InlineArray(16)]
    internal struct ObjectName
    {
        private byte _first;

        internal static ObjectName Of(string text)
        {
            var name = default(ObjectName);
            Encoding.ASCII.GetBytes(text, ((Span<byte>)name)[..15]);
            return name;
        }
    }
}
