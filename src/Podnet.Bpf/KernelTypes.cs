using System.Runtime.InteropServices;
using System.Text;
using Podnet.Linux;

namespace Podnet.Bpf;

/// <summary>
/// What the running kernel, and one of its modules, say of their functions and structures (BTF, Documentation/bpf/btf.rst), as far as they were asked:
/// programs name functions by their numbers there, and read fields by their offsets.
/// </summary>
/// <remarks>
/// <code>
/// struct btf_header: magic u16, version u8, flags u8, length u32, then offset and length of the types, offset and length of the names
/// struct btf_type:   name u32 (an offset into the names), info u32 (members 0-15, kind 24-28), size or type u32; then what the kind has
/// </code>
/// Types are numbered from 1 in their order, those of a module go on from the kernel's, and so do the offsets of its names. The kernel has some
/// 150,000 types: they are gone through once, and none is kept.
/// </remarks>
public sealed class KernelTypes
{
    private const string Folder = "/sys/kernel/btf";
    private const string Kernel = "vmlinux";
    private const ushort Magic = 0xEB9F;
    private const int TypeSize = 12;

    // BTF_KIND_*
    private const int Integer = 1, Array = 3, Structure = 4, Union = 5, Enumeration = 6, FunctionKind = 12, Prototype = 13, Variable = 14, Section = 15, DeclarationTag = 17, Enumeration64 = 19;

    private readonly Dictionary<string, KernelFunction> _functions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Dictionary<string, int>> _structures = new(StringComparer.Ordinal);

    private KernelTypes()
    {
    }

    /// <summary>
    /// Reads about these alone. Errors: ENOENT where the kernel tells nothing of its types (CONFIG_DEBUG_INFO_BTF); EBADMSG where that is not as it must be.
    /// </summary>
    /// <param name="structures">Structures and unions.</param>
    /// <param name="module">Where they are looked for as well, if it is loaded and not a part of the kernel.</param>
    public static KernelTypes Read(IReadOnlyCollection<string> functions, IReadOnlyCollection<string> structures, string module)
    {
        try
        {
            var file = $"{Folder}/{module}";
            using var ofKernel = new WholeFile($"{Folder}/{Kernel}");
            using var ofModule = File.Exists(file) ? new WholeFile(file) : null;
            return Parse(ofKernel.Bytes, ofModule is null ? [] : ofModule.Bytes, functions, structures);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new KernelException(Errno.NoEntry, $"read the kernel's types in {Folder}");
        }
    }

    /// <summary>Errors: EBADMSG.</summary>
    /// <param name="module">Empty for none.</param>
    public static KernelTypes Parse(ReadOnlySpan<byte> kernel, ReadOnlySpan<byte> module, IReadOnlyCollection<string> functions, IReadOnlyCollection<string> structures)
    {
        try
        {
            var types = new KernelTypes();
            var (wantedFunctions, wantedStructures) = (Names(functions), Names(structures));
            var names = NamesOf(kernel);
            var count = types.Scan(kernel, 1, new NameTable(names, []), inModule: false, wantedFunctions, wantedStructures);
            if (!module.IsEmpty)
                types.Scan(module, count, new NameTable(names, NamesOf(module)), inModule: true, wantedFunctions, wantedStructures);
            return types;
        }
        catch (ArgumentOutOfRangeException)
        {
            throw Broken("it ends in the middle of a type");
        }
    }

    /// <summary>Null where this kernel has no such function.</summary>
    public KernelFunction? Function(string name) => _functions.TryGetValue(name, out var function) ? function : null;

    /// <summary>In bytes from the structure's start; null where this kernel has no such structure or member.</summary>
    public int? OffsetOf(string structure, string member) =>
        _structures.TryGetValue(structure, out var members) && members.TryGetValue(member, out var offset) ? offset : null;

    private static List<byte[]> Names(IEnumerable<string> names) => [.. names.Select(Encoding.ASCII.GetBytes)];

    private static KernelException Broken(string what) => new(Errno.BadMessage, $"read the kernel's types in {Folder}", what);

    private static ReadOnlySpan<byte> NamesOf(ReadOnlySpan<byte> file)
    {
        if (MemoryMarshal.Read<ushort>(file) != Magic)
            throw Broken("it does not begin as BTF does");
        return file.Slice((int)U32(file, 4) + (int)U32(file, 16), (int)U32(file, 20));
    }

    /// <summary>The number of the type that would follow.</summary>
    private int Scan(ReadOnlySpan<byte> file, int first, NameTable names, bool inModule, List<byte[]> functions, List<byte[]> structures)
    {
        var types = file.Slice((int)U32(file, 4) + (int)U32(file, 8), (int)U32(file, 12));
        var id = first;
        for (; !types.IsEmpty; id++)
        {
            var info = U32(types, 4);
            var (kind, count) = ((int)(info >> 24) & 0x1F, (int)info & 0xFFFF);
            var name = kind is FunctionKind or Structure or Union ? names.At(U32(types, 0)) : default;
            if (kind == FunctionKind && IsOneOf(name, functions))
                _functions.TryAdd(Encoding.ASCII.GetString(name), new KernelFunction(id, inModule));
            else if (kind is Structure or Union && IsOneOf(name, structures))
                _structures.TryAdd(Encoding.ASCII.GetString(name), Members(types[TypeSize..], count, hasBitFields: (info & 0x8000_0000) != 0, names));
            types = types[(TypeSize + SizeBehind(kind, count))..];
        }

        return id;
    }

    /// <summary>struct btf_member: name, type, offset in bits; where the structure has bit fields, the upper byte is a field's width.</summary>
    private static Dictionary<string, int> Members(ReadOnlySpan<byte> members, int count, bool hasBitFields, NameTable names)
    {
        const int memberSize = 12;
        var offsets = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < count; i++)
        {
            var bits = U32(members, (i * memberSize) + 8);
            offsets.TryAdd(Encoding.ASCII.GetString(names.At(U32(members, i * memberSize))), (int)((hasBitFields ? bits & 0xFF_FFFF : bits) / 8));
        }

        return offsets;
    }

    /// <summary>What follows struct btf_type.</summary>
    private static int SizeBehind(int kind, int count) => kind switch
    {
        Integer or Variable or DeclarationTag => 4,
        Array => 12,
        Structure or Union or Section or Enumeration64 => 12 * count,
        Enumeration or Prototype => 8 * count,
        _ => 0, // those that only point to another type
    };

    private static bool IsOneOf(ReadOnlySpan<byte> name, List<byte[]> names)
    {
        foreach (var one in names)
        {
            if (name.SequenceEqual(one))
                return true;
        }

        return false;
    }

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => MemoryMarshal.Read<uint>(bytes[offset..]);

    /// <summary>Some megabytes for a moment: not the collector's, which would keep the room.</summary>
    private sealed unsafe class WholeFile : IDisposable
    {
        private readonly void* _start;
        private readonly int _length;

        public WholeFile(string path)
        {
            using var file = File.OpenHandle(path);
            var size = (int)RandomAccess.GetLength(file);
            _start = NativeMemory.Alloc((nuint)size);
            for (int count; (count = RandomAccess.Read(file, new Span<byte>((byte*)_start + _length, size - _length), _length)) > 0;)
                _length += count;
        }

        public ReadOnlySpan<byte> Bytes => new(_start, _length);

        public void Dispose() => NativeMemory.Free(_start);
    }

    private readonly ref struct NameTable(ReadOnlySpan<byte> kernel, ReadOnlySpan<byte> module)
    {
        private readonly ReadOnlySpan<byte> _kernel = kernel, _module = module;

        public ReadOnlySpan<byte> At(uint offset)
        {
            var rest = offset < _kernel.Length ? _kernel[(int)offset..] : _module[(int)(offset - _kernel.Length)..];
            var end = rest.IndexOf((byte)0);
            return end >= 0 ? rest[..end] : throw Broken("a name has no end");
        }
    }
}

/// <summary>A function that programs may call, as they name it.</summary>
/// <param name="Id">Of its type.</param>
/// <param name="InModule">It is not the kernel's own: a program that calls it is loaded with the types of its module (<see cref="ModuleTypes"/>).</param>
public readonly record struct KernelFunction(int Id, bool InModule);
