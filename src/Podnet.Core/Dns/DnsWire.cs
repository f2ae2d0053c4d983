namespace Podnet.Core.Dns;

/// <summary>TYPE and QTYPE (IANA, "Domain Name System (DNS) Parameters"): those that mean something here.</summary>
public enum RecordType : ushort
{
    None = 0,
    A = 1,
    Ns = 2,
    Cname = 5,
    Soa = 6,
    Ptr = 12,
    Mx = 15,
    Txt = 16,
    Aaaa = 28,
    Srv = 33,
    Opt = 41,
    Ixfr = 251,
    Axfr = 252,
    Any = 255,
}

/// <summary>RCODE (RFC 1035, 4.1.1; BADVERS: RFC 6891, 9, of which the header has the lower 4 bits, 0).</summary>
public enum ResponseCode
{
    NoError = 0,
    FormatError = 1,
    ServerFailure = 2,
    NameError = 3,
    NotImplemented = 4,
    Refused = 5,
    BadVersion = 16,
}

/// <summary>Sizes and bits of messages.</summary>
/// <remarks>
/// RFC 1035, 4.1: a header of six 16-bit numbers (id, flags, and how many questions, answers, authority and additional records),
/// then these. A question is name, type, class; a record is name, type, class, ttl (32 bits), length of its data (16 bits), data.
/// </remarks>
public static class DnsWire
{
    /// <summary>Bytes.</summary>
    public const int Header = 12;

    /// <summary>Bytes of the longest question.</summary>
    public const int LongestQuestion = DnsName.Longest + 4;

    /// <summary>Bytes of a UDP answer to who does not say that more is welcome (RFC 1035, 4.2.1).</summary>
    public const int PlainUdp = 512;

    /// <summary>Bytes of a UDP answer at most: what fits a packet on any path of IPv6 (DNS Flag Day 2020).</summary>
    public const int LargestUdp = 1232;

    /// <summary>Bytes of a message over TCP (RFC 1035, 4.2.2).</summary>
    public const int LargestTcp = 65535;

    public const ushort Response = 0x8000, OpcodeMask = 0x7800, Authoritative = 0x0400, Truncated = 0x0200, RecursionDesired = 0x0100,
        RecursionAvailable = 0x0080, AuthenticData = 0x0020, CheckingDisabled = 0x0010, CodeMask = 0x000F;

    /// <summary>The class of all records but those of the server itself.</summary>
    public const ushort Internet = 1;

    /// <summary>QCLASS ANY.</summary>
    public const ushort AnyClass = 255;

    /// <summary>A pointer to the question's name, which is always at the same place (RFC 1035, 4.1.4).</summary>
    public const ushort QuestionName = Pointer | Header;

    /// <summary>The two upper bits of a pointer to a name; the other 14 are its offset.</summary>
    public const ushort Pointer = 0xC000;

    /// <summary>The largest offset that a pointer can name.</summary>
    public const int LargestOffset = 0x3FFF;

    /// <summary>Bytes of an OPT record without options: name, type, class, ttl, length (RFC 6891, 6.1.2).</summary>
    public const int Opt = 11;

    /// <summary>The DO bit in an OPT record's TTL field (RFC 3225).</summary>
    public const uint DnssecOk = 0x8000;
}
