using System.Text;

namespace Podnet.EndToEnd.Tests.Runtimes;

/// <summary>
/// A message of protocol buffers (protobuf.dev, "Encoding"), as far as CRI needs it: fields of the wire types VARINT (0) and LEN (2).
/// <code>
/// message: (tag value)*    tag: varint of field number &lt;&lt; 3 | wire type    LEN: varint of the length, bytes
/// </code>
/// </summary>
internal sealed class ProtobufMessage
{
    private const int Varint = 0;
    private const int Len = 2;

    private readonly MemoryStream _bytes = new();

    public ProtobufMessage Add(int field, long value)
    {
        WriteVarint((ulong)((field << 3) | Varint));
        WriteVarint((ulong)value);
        return this;
    }

    public ProtobufMessage Add(int field, params string[] values)
    {
        foreach (var value in values)
            Add(field, Encoding.UTF8.GetBytes(value));
        return this;
    }

    public ProtobufMessage Add(int field, ProtobufMessage value) => Add(field, value.ToArray());

    public byte[] ToArray() => _bytes.ToArray();

    /// <summary>The fields of a message, in order: a number, or bytes.</summary>
    public static IEnumerable<(int Field, long Number, byte[] Bytes)> Read(byte[] message)
    {
        for (var position = 0; position < message.Length;)
        {
            var tag = (int)ReadVarint(message, ref position);
            var value = ReadVarint(message, ref position);
            switch (tag & 7)
            {
                case Varint:
                    yield return (tag >> 3, (long)value, []);
                    break;
                case Len:
                    yield return (tag >> 3, 0, message[position..(position + (int)value)]);
                    position += (int)value;
                    break;
                default:
                    throw new InvalidDataException($"wire type {tag & 7} of field {tag >> 3} is not expected");
            }
        }
    }

    /// <summary>Every value of a field of bytes: none where the message has it not.</summary>
    public static IEnumerable<byte[]> All(byte[] message, int field) => Read(message).Where(f => f.Field == field).Select(f => f.Bytes);

    public static string Text(byte[] message, int field) => Encoding.UTF8.GetString(All(message, field).SingleOrDefault([]));

    /// <summary>0, as the encoding has it, where the message has not the field.</summary>
    public static long Number(byte[] message, int field) => Read(message).SingleOrDefault(f => f.Field == field).Number;

    private ProtobufMessage Add(int field, byte[] value)
    {
        WriteVarint((ulong)((field << 3) | Len));
        WriteVarint((ulong)value.Length);
        _bytes.Write(value);
        return this;
    }

    /// <summary>Seven bits a byte, the lowest first; the highest bit says that more follow.</summary>
    private void WriteVarint(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            _bytes.WriteByte((byte)(value | 0x80));
        _bytes.WriteByte((byte)value);
    }

    private static ulong ReadVarint(byte[] bytes, ref int position)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var next = bytes[position++];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
                return value;
        }
    }
}
