using System.Buffers.Binary;
using CsCheck;
using Podnet.Core.Dns;
using static Podnet.Core.Tests.Dns.Names;

namespace Podnet.Core.Tests.Dns;

/// <summary>Messages as anybody may send them.</summary>
public sealed class MessageTests
{
    private static Zone Large()
    {
        var zone = Zone(Service("web", "10.0.0.1"), Headless("db"), External("out", "www.example.com"));
        zone.Put(null, Endpoints("db", "db-1", [.. Enumerable.Range(1, 200).Select(i => $"10.240.0.{i}")]));
        return zone;
    }

    [Theory]
    [InlineData(null, 512, 29)]
    [InlineData(512, 512, 28)]
    [InlineData(1232, 1232, 73)]
    [InlineData(4096, 1232, 73)]
    [InlineData(0, 512, 28)]
    public void What_does_not_fit_is_cut_and_says_so(int? size, int most, int records)
    {
        var answer = Dig.Send(Large(), Dig.Query("db.default.svc.cluster.local", RecordType.A, (ushort?)size));
        Assert.InRange(answer.Length, most - 16, most);
        Assert.StartsWith("NOERROR aa tc", Dig.Read(answer), StringComparison.Ordinal);
        Assert.Equal(records, Dig.Read(answer).Split('\n').Count(line => line.Contains(" A ", StringComparison.Ordinal)));
        Assert.Equal(size is not null, Dig.Read(answer).EndsWith("OPT 1232", StringComparison.Ordinal));
    }

    [Fact]
    public void Over_TCP_nothing_is_cut()
    {
        var answer = Dig.Read(Dig.Send(Large(), Dig.Query("db.default.svc.cluster.local", RecordType.A), DnsWire.LargestTcp));
        Assert.Equal(201, answer.Split('\n').Length);
        Assert.StartsWith("NOERROR aa\n", answer, StringComparison.Ordinal);
    }

    [Fact]
    public void Addresses_that_only_help_are_left_out_before_an_answer_is_cut()
    {
        var zone = Zone(Headless("db"));
        zone.Put(null, Endpoints("db", "db-1", [.. Enumerable.Range(1, 8).Select(i => $"10.240.0.{i}=db-{i}")]));
        var answer = Dig.Read(Dig.Send(zone, Dig.Query("_http._tcp.db.default.svc.cluster.local", RecordType.Srv)));
        Assert.StartsWith("NOERROR aa\n", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("additional", answer, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_EDNS_version_is_answered_as_such()
    {
        var answer = Dig.Send(Large(), Dig.Query("web.default.svc.cluster.local", RecordType.A, 1232, options: 1 << 16));
        Assert.Equal("NOERROR\nadditional: OPT 1232", Dig.Read(answer));
        Assert.Equal(1, answer[^6]); // BADVERS is 16: the upper part of it is in the OPT record
    }

    [Theory]
    [InlineData("web.default.svc.cluster.local", "Axfr", 1, "REFUSED")]
    [InlineData("web.default.svc.cluster.local", "A", 3, "REFUSED")]
    [InlineData("web.default.svc.cluster.local", "Opt", 1, "FORMERR")]
    [InlineData("web.default.svc.cluster.local", "Any", 1, "NOERROR aa\nweb.default.svc.cluster.local A 10.0.0.1")]
    [InlineData("web.default.svc.cluster.local", "A", 255, "NOERROR aa\nweb.default.svc.cluster.local A 10.0.0.1")]
    public void Odd_questions_have_an_answer(string name, string type, int @class, string answer) =>
        Assert.Equal(answer, Dig.Read(Dig.Send(Large(), Dig.Query(name, Enum.Parse<RecordType>(type), @class: (ushort)@class))));

    [Fact]
    public void Other_opcodes_are_not_implemented()
    {
        var notify = Dig.Query("cluster.local", RecordType.Soa);
        notify[2] = 4 << 3;
        Assert.Equal("NOTIMP", Dig.Read(Dig.Send(Large(), notify)));
    }

    [Theory]
    [InlineData("no question", "123401000000000000000000")]
    [InlineData("two questions", "12340100000200000000000000000100010000010001")]
    [InlineData("a name that does not end", "1234010000010000000000000361626300")]
    [InlineData("a pointer in the question", "123401000001000000000000c00c00010001")]
    [InlineData("a label of 64", "12340100000100000000000040")]
    [InlineData("a record that is not there", "123401000001000000000001036162630000010001")]
    [InlineData("two OPT records", "12340100000100000000000203616263000001000100002904d000000000000000002904d0000000000000")]
    public void Broken_queries_are_told_so(string what, string hex) => Assert.Equal((what, "FORMERR"), (what, Dig.Read(Dig.Send(Large(), Convert.FromHexString(hex))).Split('\n')[0]));

    [Theory]
    [InlineData("")]
    [InlineData("1234010000010000000000")]
    [InlineData("123481000001000000000000036162630000010001")] // an answer
    public void What_is_no_query_is_not_answered(string hex) => Assert.Empty(Dig.Send(Large(), Convert.FromHexString(hex)));

    [Fact]
    public void A_name_survives_the_way_into_a_message_and_back()
    {
        var labels = Gen.String[Gen.Char["abcXYZ019-_"], 1, 63].Array[1, 6].Where(all => all.Sum(label => label.Length + 1) < DnsName.Longest);
        labels.Sample(all =>
        {
            var name = DnsName.Parse(string.Join('.', all));
            Assert.Equal(string.Join('.', all).ToLowerInvariant(), name.ToString());
            var read = new byte[DnsName.Longest];
            Assert.Equal(name.Wire.Length, DnsName.ReadPlain(name.Wire, read));
            Assert.True(name.Wire.SequenceEqual(read.AsSpan(0, name.Wire.Length)));
        });
    }

    /// <summary>Whatever comes in: no exception, and an answer that is whole, of the same id, and not longer than it may be.</summary>
    [Fact]
    public void No_packet_is_too_broken()
    {
        var zone = Large();
        var good = Gen.OneOf(
            Dig.Query("web.default.svc.cluster.local", RecordType.A), Dig.Query("db.default.svc.cluster.local", RecordType.A, 4096),
            Dig.Query("_http._tcp.db.default.svc.cluster.local", RecordType.Srv, 1232), Dig.Query("out.default.svc.cluster.local", RecordType.A),
            Dig.Query("10-1-2-3.default.pod.cluster.local", RecordType.A), Dig.Query("www.example.com", RecordType.Any));
        var spoilt = Gen.Select(good, Gen.Select(Gen.Int[0, 80], Gen.Byte).Array[0, 6], Gen.Int[-20, 20]).Select((message, changes, longer) =>
        {
            var copy = message.ToArray();
            Array.Resize(ref copy, Math.Max(0, copy.Length + longer));
            foreach (var (place, value) in changes)
            {
                if (place < copy.Length)
                    copy[place] = value;
            }
            return copy;
        });
        Gen.OneOf(spoilt, Gen.Byte.Array[0, 600]).Sample(
            message =>
            {
                foreach (var recursive in (bool[])[true, false])
                {
                    var answer = Dig.Send(zone, message, recursive: recursive);
                    if (answer.Length == 0)
                        continue;
                    Assert.Equal(message[..2], answer[..2]);
                    Assert.InRange(answer.Length, DnsWire.Header, DnsWire.LargestUdp);
                    Dig.Read(answer);
                }
            },
            iter: 20_000);
    }

    /// <summary>The same for what upstream servers send.</summary>
    [Fact]
    public void No_answer_from_elsewhere_is_too_broken()
    {
        var zone = Large();
        var query = Dig.Query("out.default.svc.cluster.local", RecordType.A, 1232);
        // The answer of www.example.com, by a CNAME to a compressed name, and two addresses.
        var good = Convert.FromHexString(
            "123481800001000300000000" + "03777777076578616d706c6503636f6d0000010001"
            + "c00c000500010000003c0006036f6e65c010" + "c02d000100010000003c0004c0000201" + "c02d000100010000003c0004c0000202");
        Assert.Equal(
            "NOERROR ra\nout.default.svc.cluster.local CNAME www.example.com\nwww.example.com CNAME one.example.com\none.example.com A 192.0.2.1\n"
            + "one.example.com A 192.0.2.2\nadditional: OPT 1232",
            Dig.Read(Through(good)));
        Gen.Select(Gen.Int[0, good.Length], Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte).Array[0, 6]).Sample(
            (cut, changes) =>
            {
                var copy = good.ToArray();
                foreach (var (place, value) in changes)
                    copy[place] = value;
                copy = copy[..Math.Max(DnsWire.Header, cut)];
                var answer = Through(copy);
                Assert.InRange(answer.Length, DnsWire.Header, DnsWire.LargestUdp);
                Assert.Equal(0x1234, BinaryPrimitives.ReadUInt16BigEndian(answer));
                UpstreamReply.TryRead(copy, default, out _);
            },
            iter: 20_000);

        byte[] Through(byte[] upstream)
        {
            var reply = new byte[DnsWire.LargestUdp];
            Assert.True(DnsQuery.TryRead(query, stackalloc byte[DnsName.Longest], out var read, out _));
            return reply[..Responder.AnswerThrough(zone, read, upstream, reply, DnsWire.LargestUdp)];
        }
    }
}
