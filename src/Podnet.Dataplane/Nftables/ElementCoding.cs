using System.Buffers.Binary;
using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Netlink.Nftables;
using Set = Podnet.Netlink.Nftables.Set;

namespace Podnet.Dataplane.Nftables;

/// <summary>The sets of a node's table, and their elements, as the kernel has them: the parts of a key one behind the other, each padded to 4 bytes.</summary>
internal sealed class ElementCoding(IPFamily family)
{
    /// <summary>Of a slot and of a padded protocol or port.</summary>
    private const int Word = 4;

    /// <summary>Above the longest key: two IPv6 addresses, a protocol, a port.</summary>
    private const int LongestKey = 48;

    private readonly int _address = family.Bits() / 8;

    internal TableFamily Family { get; } = family == IPFamily.V4 ? TableFamily.Ip : TableFamily.Ip6;

    internal Set Definition(SetDefinition set)
    {
        var typeOf = set.Key.Contains(KeyField.Slot);
        return new Set(set.Name, Concat([.. set.Key.SelectMany(field => Types(field, typeOf))]))
        {
            Data = set.Data switch
            {
                DataKind.Verdict => DataType.Verdict,
                DataKind.Endpoint => Concat([.. Types(KeyField.DestinationAddress, typeOf), .. Types(KeyField.DestinationPort, typeOf)]),
                _ => null,
            },
            Flags = (set.Intervals ? SetFlags.Interval : SetFlags.None) | (set.Dynamic ? SetFlags.Dynamic | SetFlags.Timeout : SetFlags.None),
            Size = set.Dynamic ? ServiceSets.MostSessions : 0,
            Counter = set.Counter,
            Comment = set.Comment,
        };
    }

    /// <summary>In bytes, as it lies in the registers.</summary>
    internal int Length(KeyField field) => field switch
    {
        KeyField.SourceAddress or KeyField.DestinationAddress => _address,
        _ => Word,
    };

    internal void Add(ref ElementWriter writer, TableElement element)
    {
        var set = ServiceSets.Of(element.Key.Set);
        if (set.Intervals)
        {
            writer.Add(Interval(set, element));
            return;
        }
        Span<byte> key = stackalloc byte[LongestKey];
        key = key[..PutKey(key, set, element.Key)];
        if (set.Data == DataKind.Verdict)
        {
            writer.Add(key, element.Data.Chain is { } chain ? new Verdict(VerdictCode.Goto, chain) : new Verdict(VerdictCode.Drop), element.Comment);
            return;
        }
        Span<byte> data = stackalloc byte[LongestKey];
        writer.Add(key, data[..PutData(data, set, element.Data)], element.Comment);
    }

    internal Element Key(ElementKey key)
    {
        var set = ServiceSets.Of(key.Set);
        if (set.Intervals)
            return Interval(set, new TableElement(key, default));
        Span<byte> bytes = stackalloc byte[LongestKey];
        return new Element(new ByteString(bytes[..PutKey(bytes, set, key)]));
    }

    /// <summary>What was read back, in the words of the plan. Whatever is not ours to say becomes an element that nobody wants.</summary>
    internal TableElement Read(SetDefinition set, Element element) => new(ReadKey(set, element), ReadData(set, element), element.Comment);

    internal ElementKey ReadKey(SetDefinition set, Element element)
    {
        var key = new ElementKey(set.Id);
        var rest = element.Key.Span;
        foreach (var field in set.Key)
        {
            key = field switch
            {
                KeyField.SourceAddress when set.Intervals => key with { Network = Network(element, rest.Length) },
                KeyField.DestinationAddress when set.Key.Length == 1 && set.Intervals => key with { Network = Network(element, rest.Length) },
                KeyField.SourceAddress or KeyField.DestinationAddress => key with { Address = new IPAddress(rest[.._address]) },
                KeyField.Protocol => key with { Protocol = (Protocol)rest[0] },
                KeyField.DestinationPort => key with { Port = BinaryPrimitives.ReadUInt16BigEndian(rest) },
                KeyField.Slot => key with { Slot = BitConverter.ToInt32(rest) },
                _ => key,
            };
            rest = rest[Math.Min(rest.Length, Length(field))..];
        }
        return key;
    }

    /// <summary>The cluster IP that a client's session is kept under, and the endpoint that it stays with.</summary>
    internal (FrontendAddress Service, ElementData Endpoint) ReadSession(Element element)
    {
        var session = element.Key.Span[_address..];
        return (
            new FrontendAddress(new IPAddress(session[.._address]), (Protocol)session[_address], BinaryPrimitives.ReadUInt16BigEndian(session[(_address + Word)..])),
            new ElementData(null, Endpoint(element.Data.Span)));
    }

    private FrontendAddress Endpoint(ReadOnlySpan<byte> data) =>
        new(new IPAddress(data[.._address]), default, BinaryPrimitives.ReadUInt16BigEndian(data[_address..]));

    private ElementData ReadData(SetDefinition set, Element element)
    {
        var data = element.Data.Span;
        return set.Data switch
        {
            DataKind.Verdict => element.Verdict switch
            {
                { Code: VerdictCode.Goto, Chain: { } chain } => new ElementData(chain, default),
                { Code: VerdictCode.Drop } => default,
                // No chain has a name like this: it is equal to none.
                var other => new ElementData($"{other}", default),
            },
            DataKind.Endpoint => new ElementData(null, Endpoint(data)),
            _ => default,
        };
    }

    /// <summary>The range that an element stands for; a network, unless somebody else made it.</summary>
    private IPNetwork Network(Element element, int restLength)
    {
        var from = element.Key.Span[^restLength..][.._address];
        // The last address of the range; a range without an end reaches the greatest one.
        Span<byte> last = stackalloc byte[16];
        last = last[.._address];
        last.Fill(0xFF);
        if (element.Last is { } lastKey)
            lastKey.Span[^restLength..][.._address].CopyTo(last);
        else if (element.End is { } end)
            Previous(end.Span[.._address], last);
        else if (element.Key.Length > _address)
            from.CopyTo(last);
        var bits = 0;
        for (; bits < 8 * _address && ((from[bits / 8] ^ last[bits / 8]) & (0x80 >> (bits % 8))) == 0; bits++)
        {
        }
        return new IPNetwork(new IPAddress(Masked(from, bits)), bits);
    }

    private static void Previous(ReadOnlySpan<byte> address, Span<byte> previous)
    {
        address.CopyTo(previous);
        for (var i = previous.Length - 1; i >= 0 && previous[i]-- == 0; i--)
        {
        }
    }

    private static byte[] Masked(ReadOnlySpan<byte> address, int bits)
    {
        var masked = address.ToArray();
        for (var bit = bits; bit < 8 * masked.Length; bit++)
            masked[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        return masked;
    }

    private Element Interval(SetDefinition set, TableElement element)
    {
        var network = element.Key.Network!.Value;
        if (set.Key.Length == 1)
            return Element.Of(network) with { Comment = element.Comment };
        Span<byte> first = stackalloc byte[LongestKey], last = stackalloc byte[LongestKey];
        var length = PutKey(first, set, element.Key);
        first[..length].CopyTo(last);
        for (var bit = network.PrefixLength; bit < 8 * _address; bit++)
            last[length - _address + (bit / 8)] |= (byte)(0x80 >> (bit % 8));
        return new Element(new ByteString(first[..length])) { Last = new ByteString(last[..length]), Comment = element.Comment };
    }

    private int PutKey(Span<byte> bytes, SetDefinition set, in ElementKey key)
    {
        bytes.Clear();
        var at = 0;
        foreach (var field in set.Key)
        {
            var part = bytes[at..];
            switch (field)
            {
                case KeyField.SourceAddress when key.Network is { } network:
                    network.BaseAddress.TryWriteBytes(part, out _);
                    break;
                case KeyField.SourceAddress or KeyField.DestinationAddress:
                    key.Address!.TryWriteBytes(part, out _);
                    break;
                case KeyField.Protocol:
                    part[0] = (byte)key.Protocol;
                    break;
                case KeyField.DestinationPort:
                    BinaryPrimitives.WriteUInt16BigEndian(part, key.Port);
                    break;
                case KeyField.Slot:
                    BitConverter.TryWriteBytes(part, key.Slot);
                    break;
                default:
                    throw new ArgumentOutOfRangeException(nameof(set), field, "only the kernel writes such keys");
            }
            at += Length(field);
        }
        // A protocol alone is 1 byte; in a concatenation it is padded.
        return set.Key is [KeyField.Protocol] ? 1 : at;
    }

    private int PutData(Span<byte> bytes, SetDefinition set, in ElementData data)
    {
        if (set.Data != DataKind.Endpoint)
            return 0;
        bytes.Clear();
        data.Value.Address!.TryWriteBytes(bytes, out _);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[_address..], data.Value.Port);
        return _address + Word;
    }

    private static DataType Concat(ReadOnlySpan<DataType> parts) => parts.Length == 1 ? parts[0] : DataType.Concat(parts);

    private IEnumerable<DataType> Types(KeyField field, bool typeOf) => (field, typeOf) switch
    {
        (KeyField.SourceAddress, true) => [family == IPFamily.V4 ? TypeOf.SourceIPv4 : TypeOf.SourceIPv6],
        (KeyField.DestinationAddress, true) => [family == IPFamily.V4 ? TypeOf.DestinationIPv4 : TypeOf.DestinationIPv6],
        (KeyField.SourceAddress or KeyField.DestinationAddress, false) => [family == IPFamily.V4 ? DataType.IPv4Address : DataType.IPv6Address],
        (KeyField.Protocol, _) => [typeOf ? TypeOf.TransportProtocol : DataType.Protocol],
        (KeyField.DestinationPort, _) => [typeOf ? TypeOf.DestinationPort : DataType.Port],
        // nft prints the modulus with it; the true one stands in each rule.
        _ => [TypeOf.Random(2)],
    };
}
