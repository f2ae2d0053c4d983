using Podnet.Linux;
using static Podnet.Bpf.BpfWire;

namespace Podnet.Bpf;

/// <summary>enum bpf_map_type, those in use.</summary>
public enum BpfMapType
{
    Hash = 1,

    /// <summary>A value for each processor.</summary>
    PerProcessorArray = 6,

    /// <summary>Of a full one, elements that were not used for long make room.</summary>
    LeastRecentlyUsedHash = 9,

    /// <summary>The value of the longest prefix. A key is its length in bits, in host byte order, and the bits.</summary>
    LongestPrefix = 11,
}

/// <summary>Memory that programs and this process share; it lives as long as one of them holds it.</summary>
public sealed unsafe class BpfMap : IDisposable
{
    private const uint NoPreallocation = 1; // BPF_F_NO_PREALLOC, which a trie must have
    private readonly FileHandle _handle;
    private readonly string _name;

    private BpfMap(FileHandle handle, string name, int keySize, int valueSize) => (_handle, _name, KeySize, ValueSize) = (handle, name, keySize, valueSize);

    public int Descriptor => _handle.Descriptor;

    public int KeySize { get; }

    /// <summary>In bytes, of one processor.</summary>
    public int ValueSize { get; }

    /// <param name="name">At most 15 of letters, digits, _ and .</param>
    public static BpfMap Create(BpfMapType type, string name, int keySize, int valueSize, int entries)
    {
        var attributes = new MapAttributes
        {
            Type = (uint)type,
            KeySize = (uint)keySize,
            ValueSize = (uint)valueSize,
            MaximumEntries = (uint)entries,
            Flags = type == BpfMapType.LongestPrefix ? NoPreallocation : 0,
            Name = ObjectName.Of(name),
        };
        return new BpfMap(BpfCall.Open(CreateMap, ref attributes, $"create BPF map {name}"), name, keySize, valueSize);
    }

    /// <summary>Adds an element, or replaces that of the key. Errors: E2BIG where there is no room.</summary>
    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        Check(key.Length, KeySize);
        Check(value.Length, ValueSize);
        if (Command(UpdateElement, key, value) is not Errno.None and var errno)
            throw new KernelException(errno, $"write into BPF map {_name}");
    }

    /// <summary>Nothing where there is no such key.</summary>
    public void Remove(ReadOnlySpan<byte> key)
    {
        Check(key.Length, KeySize);
        if (Command(DeleteElement, key, default) is not (Errno.None or Errno.NoEntry) and var errno)
            throw new KernelException(errno, $"delete from BPF map {_name}");
    }

    /// <summary>The value of a key; of a map that has one for each processor, all of them, each padded to 8 bytes. False where there is no such key.</summary>
    public bool Find(ReadOnlySpan<byte> key, Span<byte> value)
    {
        Check(key.Length, KeySize);
        if (value.Length < ValueSize)
            Check(value.Length, ValueSize); // the kernel would write behind it
        return Command(LookUpElement, key, value) switch
        {
            Errno.None => true,
            Errno.NoEntry => false,
            var errno => throw new KernelException(errno, $"read BPF map {_name}"),
        };
    }

    public void Dispose() => _handle.Dispose();

    private Errno Command(int command, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        fixed (byte* keyAt = key, valueAt = value)
        {
            var attributes = new ElementAttributes { Map = Descriptor, Key = (ulong)keyAt, Value = (ulong)valueAt };
            var result = BpfCall.Try(command, ref attributes);
            return result < 0 ? (Errno)(-result) : Errno.None;
        }
    }

    private void Check(int length, int wanted)
    {
        if (length != wanted)
            throw new InvalidOperationException($"{length} bytes for BPF map {_name}, where {wanted} must be");
    }
}
