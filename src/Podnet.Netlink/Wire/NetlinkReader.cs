using System.Buffers.Binary;
using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Podnet.Linux;

namespace Podnet.Netlink;

/// <summary>One message of a datagram; its layout stands at <see cref="NetlinkWriter"/>.</summary>
public readonly ref struct NetlinkMessage
{
    /// <summary>NLMSG_ERROR: an ACK where its error is 0.</summary>
    internal const ushort Error = 2;

    /// <summary>NLMSG_DONE: a dump's end.</summary>
    internal const ushort Done = 3;

    internal NetlinkMessage(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload)
    {
        Type = MemoryMarshal.Read<ushort>(header[4..]);
        Flags = (NetlinkFlags)MemoryMarshal.Read<ushort>(header[6..]);
        Sequence = MemoryMarshal.Read<uint>(header[8..]);
        Port = MemoryMarshal.Read<uint>(header[12..]);
        Payload = payload;
    }

    public ushort Type { get; }

    public NetlinkFlags Flags { get; }

    public uint Sequence { get; }

    /// <summary>In a reply the port id of who asked, in an event that of who caused it.</summary>
    public uint Port { get; }

    /// <summary>What follows the header: the family's fixed part, then attributes.</summary>
    public ReadOnlySpan<byte> Payload { get; }

    /// <summary>The fixed part. Errors: EBADMSG where the message is too short for it.</summary>
    public T Fixed<T>()
        where T : unmanaged => MemoryMarshal.Read<T>(Take<T>());

    /// <summary>The attributes after a fixed part of this type.</summary>
    public AttributeReader AttributesAfter<T>()
        where T : unmanaged => new(Payload[Math.Min(NetlinkWriter.Align(Take<T>().Length), Payload.Length)..]);

    private ReadOnlySpan<byte> Take<T>()
        where T : unmanaged
    {
        var size = Unsafe.SizeOf<T>();
        return Payload.Length >= size
            ? Payload[..size]
            : throw NetlinkFormat.Broken($"a message of type {Type} with {Payload.Length} bytes where {size} must be");
    }
}

/// <summary>Goes through the messages of a datagram. A length that does not fit is one clear error, checked here once.</summary>
public ref struct NetlinkReader(ReadOnlySpan<byte> datagram)
{
    private ReadOnlySpan<byte> _rest = datagram;

    public NetlinkMessage Current { get; private set; }

    public bool MoveNext()
    {
        if (_rest.IsEmpty)
            return false;
        if (_rest.Length < NetlinkWriter.HeaderLength)
            throw NetlinkFormat.Broken($"{_rest.Length} bytes where a message's header must be");
        var length = MemoryMarshal.Read<uint>(_rest);
        if (length < NetlinkWriter.HeaderLength || length > _rest.Length)
            throw NetlinkFormat.Broken($"a message that says it is {length} bytes long, in {_rest.Length} bytes");
        Current = new NetlinkMessage(_rest, _rest[NetlinkWriter.HeaderLength..(int)length]);
        _rest = _rest[Math.Min(NetlinkWriter.Align((int)length), _rest.Length)..];
        return true;
    }
}

/// <summary>
/// Goes through attributes. Lengths are checked in <see cref="MoveNext"/>, a value's size where it is read as a number or an
/// address. Attributes that a reader does not know it leaves aside: newer kernels send more.
/// </summary>
public ref struct AttributeReader(ReadOnlySpan<byte> attributes)
{
    private ReadOnlySpan<byte> _rest = attributes;

    /// <summary>Without the bits that say "nested" and "network byte order".</summary>
    public int Type { get; private set; }

    public ReadOnlySpan<byte> Value { get; private set; }

    public bool MoveNext()
    {
        const int header = 4;
        if (_rest.Length < header)
            return false; // padding at most
        var length = MemoryMarshal.Read<ushort>(_rest);
        if (length < header || length > _rest.Length)
            throw NetlinkFormat.Broken($"an attribute that says it is {length} bytes long, in {_rest.Length} bytes");
        Type = MemoryMarshal.Read<ushort>(_rest[2..]) & NetlinkWriter.TypeMask;
        Value = _rest[header..length];
        _rest = _rest[Math.Min(NetlinkWriter.Align(length), _rest.Length)..];
        return true;
    }

    public readonly AttributeReader Nested => new(Value);

    public readonly byte U8 => Sized(sizeof(byte))[0];

    public readonly ushort U16 => MemoryMarshal.Read<ushort>(Sized(sizeof(ushort)));

    public readonly uint U32 => MemoryMarshal.Read<uint>(Sized(sizeof(uint)));

    public readonly ushort U16BigEndian => BinaryPrimitives.ReadUInt16BigEndian(Sized(sizeof(ushort)));

    public readonly uint U32BigEndian => BinaryPrimitives.ReadUInt32BigEndian(Sized(sizeof(uint)));

    public readonly ulong U64BigEndian => BinaryPrimitives.ReadUInt64BigEndian(Sized(sizeof(ulong)));

    /// <summary>A struct of the kernel's, which a newer kernel may have made longer, or a number in host byte order.</summary>
    internal readonly T Fixed<T>()
        where T : unmanaged => MemoryMarshal.Read<T>(Sized(Unsafe.SizeOf<T>()));

    /// <summary>UTF-8 up to the first NUL.</summary>
    public readonly string Text
    {
        get
        {
            var end = Value.IndexOf((byte)0);
            return Encoding.UTF8.GetString(end < 0 ? Value : Value[..end]);
        }
    }

    /// <summary>4 or 16 bytes.</summary>
    public readonly IPAddress Address => Value.Length is 4 or 16 ? new IPAddress(Value) : throw WrongSize("an address");

    /// <summary>Null where the link's addresses are not 6 bytes long (a tunnel's, for one).</summary>
    public readonly MacAddress? Mac => Value.Length == MacAddress.Length ? MacAddress.Read(Value) : null;

    private readonly ReadOnlySpan<byte> Sized(int size) =>
        Value.Length >= size ? Value[..size] : throw WrongSize($"a number of {size} bytes");

    private readonly KernelException WrongSize(string wanted) =>
        NetlinkFormat.Broken($"attribute {Type} has {Value.Length} bytes where {wanted} must be");
}

internal static class NetlinkFormat
{
    /// <summary>EBADMSG: what the kernel sent is not netlink as its headers describe it.</summary>
    internal static KernelException Broken(string detail) => new(Errno.BadMessage, "read a netlink reply", detail);
}
