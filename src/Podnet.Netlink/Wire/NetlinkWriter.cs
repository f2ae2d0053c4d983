using System.Buffers.Binary;
using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Podnet.Netlink;

/// <summary>Writes one message: header, then the fixed part of its family, then attributes.</summary>
/// <remarks>
/// <code>
/// linux/netlink.h, all in host byte order, each part padded with zeros to 4 bytes:
///
///   0        4     6      8         12      16
///   | length | type| flags| sequence| port  | fixed part | attribute | attribute | ...
///
///   attribute:  0        2      4
///               | length | type | value ... | padding
///               length counts the 4 bytes of its own header, not the padding;
///               type bit 15 (NLA_F_NESTED) says that the value is attributes again.
/// </code>
/// Sequence and port stay 0 here: the socket numbers what it sends, so the same request is always the same bytes.
/// The one bounds check is in <see cref="Reserve"/>.
/// </remarks>
public ref struct NetlinkWriter
{
    public const int HeaderLength = 16;
    internal const ushort NestedFlag = 0x8000; // NLA_F_NESTED
    internal const ushort TypeMask = 0x3FFF;   // NLA_TYPE_MASK
    private const int AttributeHeaderLength = 4;

    private readonly Span<byte> _buffer;

    /// <param name="buffer">Room for the whole message.</param>
    public NetlinkWriter(Span<byte> buffer, ushort type, NetlinkFlags flags)
    {
        _buffer = buffer;
        var header = Reserve(HeaderLength);
        MemoryMarshal.Write(header[4..], type);
        MemoryMarshal.Write(header[6..], (ushort)flags);
        UpdateLength();
    }

    /// <summary>Bytes so far, a multiple of 4.</summary>
    public int Length { get; private set; }

    /// <summary>The fixed part that follows the header, in the layout of the kernel's struct.</summary>
    public void PutFixed<T>(in T value)
        where T : unmanaged
    {
        MemoryMarshal.Write(Reserve(Unsafe.SizeOf<T>()), value);
        UpdateLength();
    }

    public void Put(int type, scoped ReadOnlySpan<byte> value) => value.CopyTo(PutHeader(type, value.Length));

    public void PutU8(int type, byte value) => PutHeader(type, sizeof(byte))[0] = value;

    /// <summary>Host byte order, as rtnetlink has all its numbers.</summary>
    public void PutU16(int type, ushort value) => MemoryMarshal.Write(PutHeader(type, sizeof(ushort)), value);

    public void PutU32(int type, uint value) => MemoryMarshal.Write(PutHeader(type, sizeof(uint)), value);

    /// <summary>An attribute whose value is a struct of the kernel's, or a number in host byte order.</summary>
    internal void PutFixedAttribute<T>(int type, in T value)
        where T : unmanaged => MemoryMarshal.Write(PutHeader(type, Unsafe.SizeOf<T>()), value);

    /// <summary>Network byte order, as the netfilter families have theirs.</summary>
    public void PutU16BigEndian(int type, ushort value) => BinaryPrimitives.WriteUInt16BigEndian(PutHeader(type, sizeof(ushort)), value);

    public void PutU32BigEndian(int type, uint value) => BinaryPrimitives.WriteUInt32BigEndian(PutHeader(type, sizeof(uint)), value);

    public void PutU64BigEndian(int type, ulong value) => BinaryPrimitives.WriteUInt64BigEndian(PutHeader(type, sizeof(ulong)), value);

    /// <summary>UTF-8 with the NUL at its end that the kernel's NLA_NUL_STRING wants.</summary>
    public void PutText(int type, string value)
    {
        var span = PutHeader(type, Encoding.UTF8.GetByteCount(value) + 1);
        Encoding.UTF8.GetBytes(value, span);
    }

    /// <summary>4 bytes for IPv4, 16 for IPv6.</summary>
    public void PutAddress(int type, IPAddress address)
    {
        var span = PutHeader(type, AddressFamily.LengthOf(address));
        if (!address.TryWriteBytes(span, out _))
            throw new InvalidOperationException($"the address {address} has no bytes");
    }

    public void PutMac(int type, MacAddress address) => address.CopyTo(PutHeader(type, MacAddress.Length));

    /// <summary>Opens an attribute whose value is what is put until <see cref="EndNested"/> is given what this returns.</summary>
    public int BeginNested(int type) => BeginPlainNested(type | NestedFlag);

    /// <summary>As <see cref="BeginNested"/> without the flag: rtnetlink is older than it, and <c>ip</c> does without.</summary>
    public int BeginPlainNested(int type)
    {
        var start = Length;
        PutHeader(type, 0);
        return start;
    }

    public readonly void EndNested(int start)
    {
        var length = Length - start;
        if (length > ushort.MaxValue)
            throw new InvalidOperationException($"a netlink attribute of {length} bytes: its length field ends at {ushort.MaxValue}");
        MemoryMarshal.Write(_buffer[start..], (ushort)length);
    }

    private Span<byte> PutHeader(int type, int valueLength)
    {
        var length = AttributeHeaderLength + valueLength;
        if (length > ushort.MaxValue)
            throw new InvalidOperationException($"a netlink attribute of {length} bytes: its length field ends at {ushort.MaxValue}");
        var span = Reserve(length);
        MemoryMarshal.Write(span, (ushort)length);
        MemoryMarshal.Write(span[2..], (ushort)type);
        UpdateLength();
        return span.Slice(AttributeHeaderLength, valueLength);
    }

    private Span<byte> Reserve(int length)
    {
        var padded = Align(length);
        if (padded > _buffer.Length - Length)
            throw new InvalidOperationException($"a netlink message of more than the {_buffer.Length} bytes that were set aside for it");
        var span = _buffer.Slice(Length, padded);
        span.Clear();
        Length += padded;
        return span;
    }

    private readonly void UpdateLength() => MemoryMarshal.Write(_buffer, Length);

    /// <summary>NLMSG_ALIGN and NLA_ALIGN: up to the next multiple of 4.</summary>
    internal static int Align(int length) => (length + 3) & ~3;
}
