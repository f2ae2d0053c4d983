using System.Buffers.Binary;
using System.Net;
using Podnet.Cni.Ipam;
using Podnet.Cni.Protocol;
using Podnet.Netlink.Nftables;

namespace Podnet.Cni.Wiring;

/// <summary>A port of the node, in one family, and where it leads: an element of <see cref="HostPortTable"/>.</summary>
/// <remarks>
/// <code>
/// key:   address  protocol u8, 3 pads  port u16, 2 pads        data:  address  port u16, 2 pads
/// every address of the node:  from 0.0.0.0 . tcp . 8080  to 255.255.255.255 . tcp . 8080
/// </code>
/// Ports are in network byte order.
/// </remarks>
/// <param name="Address">Null for every one of the node's in the family of <paramref name="Pod"/>.</param>
/// <param name="Comment">"pn0123456789 default/nginx-0": the node's end of the pod's link, and for people the pod.</param>
internal sealed record HostPort(IPAddress? Address, byte Protocol, ushort Port, IPAddress Pod, ushort PodPort, string Comment)
{
    private const int Word = 4;

    public bool IsIPv4 => AddressNumber.IsIPv4(Pod);

    /// <summary>Whose it is: that end's name follows from container and interface alone. Empty where somebody else wrote it.</summary>
    public string Link => Comment.Split(' ')[0];

    /// <summary>No longer than an element keeps it.</summary>
    public static string CommentFor(Attachment attachment) => new Element { Comment = $"{attachment.HostInterface} {attachment.Alias}" }.Comment!;

    /// <summary>What a mapping asks for, in each of its families in which the pod has an address.</summary>
    public static IEnumerable<HostPort> Of(PortMapping mapping, IEnumerable<IPAddress> pod, string comment) =>
        from address in pod
        where mapping.HostAddress is null || AddressNumber.IsIPv4(mapping.HostAddress) == AddressNumber.IsIPv4(address)
        let any = mapping.HostAddress is null || mapping.HostAddress.Equals(IPAddress.Any) || mapping.HostAddress.Equals(IPAddress.IPv6Any)
        select new HostPort(any ? null : mapping.HostAddress, mapping.Protocol, mapping.HostPort, address, mapping.PodPort, comment);

    /// <summary>Whether a packet could be for either.</summary>
    public bool Overlaps(HostPort other) =>
        IsIPv4 == other.IsIPv4 && Protocol == other.Protocol && Port == other.Port
        && (Address is null || other.Address is null || Address.Equals(other.Address));

    public Element ToElement()
    {
        var length = Pod.GetAddressBytes().Length;
        var data = new byte[length + Word];
        Pod.TryWriteBytes(data, out _);
        BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(length), PodPort);
        return new Element(Key(Address?.GetAddressBytes() ?? new byte[length]))
        {
            Last = Address is null ? Key([.. Enumerable.Repeat(byte.MaxValue, length)]) : null,
            Data = new ByteString(data),
            Comment = Comment,
        };
    }

    public static HostPort Read(Element element)
    {
        var key = element.Key.Span;
        var data = element.Data.Span;
        var length = data.Length - Word;
        return new HostPort(
            element.Last is null ? new IPAddress(key[..length]) : null,
            key[length],
            BinaryPrimitives.ReadUInt16BigEndian(key[(length + Word)..]),
            new IPAddress(data[..length]),
            BinaryPrimitives.ReadUInt16BigEndian(data[length..]),
            element.Comment ?? "");
    }

    /// <summary>"tcp port 8080", "udp port 53 of 192.0.2.1".</summary>
    public override string ToString() => $"{PortMapping.NameOf(Protocol)} port {Port}{(Address is null ? "" : $" of {Address}")}";

    private ByteString Key(byte[] address)
    {
        var key = new byte[address.Length + (2 * Word)];
        address.CopyTo(key, 0);
        key[address.Length] = Protocol;
        BinaryPrimitives.WriteUInt16BigEndian(key.AsSpan(address.Length + Word), Port);
        return new ByteString(key);
    }
}
