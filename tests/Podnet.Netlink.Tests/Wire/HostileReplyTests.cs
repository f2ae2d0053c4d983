using System.Net;
using System.Runtime.InteropServices;
using CsCheck;
using Podnet.Linux;

namespace Podnet.Netlink.Tests;

/// <summary>Whatever bytes come, reading them ends: with a result, or with one clear error.</summary>
public sealed class HostileReplyTests
{
    private static readonly byte[] RouteReply = new RouteRequests().AddRoute(new Route(IPNetwork.Parse("10.244.1.0/24"))
    {
        Gateway = IPAddress.Parse("10.99.0.3"),
        Device = 3,
        Mtu = 1400,
    }).Batch.Bytes.ToArray();

    [Fact]
    public void A_message_that_claims_more_than_there_is_is_refused()
    {
        var bytes = RouteReply.ToArray();
        bytes[0] += 4;

        var failure = Assert.Throws<KernelException>(() => Decode(bytes));

        Assert.Equal(Errno.BadMessage, failure.Errno);
        Assert.Equal("a message that says it is 68 bytes long, in 64 bytes", failure.Detail);
    }

    [Fact]
    public void An_attribute_that_is_shorter_than_its_header_is_refused_and_not_read_for_ever()
    {
        var bytes = RouteReply.ToArray();
        bytes[NetlinkWriter.HeaderLength + 12] = 0;

        Assert.Equal("an attribute that says it is 0 bytes long, in 36 bytes", Assert.Throws<KernelException>(() => Decode(bytes)).Detail);
    }

    [Fact]
    public void A_message_without_its_fixed_part_is_refused()
    {
        var bytes = RouteReply[..20];
        MemoryMarshal.Write(bytes, 20);

        Assert.Contains("4 bytes where 12 must be", Assert.Throws<KernelException>(() => Decode(bytes)).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_bytes_end_in_a_result_or_in_EBADMSG()
    {
        var mutations = Gen.Select(Gen.Int[0, RouteReply.Length - 1], Gen.Byte).Array[1, 8];
        Gen.Select(mutations, Gen.Int[0, RouteReply.Length]).Sample((changes, length) =>
        {
            var bytes = RouteReply.ToArray();
            foreach (var (at, value) in changes)
                bytes[at] = value;
            try
            {
                Decode(bytes[..length]);
            }
            catch (KernelException e) when (e.Errno == Errno.BadMessage)
            {
                Assert.NotNull(e.Detail);
            }
        });
    }

    [Fact]
    public void The_kernels_own_words_are_read_out_of_an_ACK()
    {
        // RTM_NEWROUTE refused with EINVAL: NLMSG_ERROR with NLM_F_CAPPED and NLM_F_ACK_TLVS, as Linux 6.18 sends it
        var bytes = Hex.Parse("""
            34 00 00 00 02 00 00 03  01 00 00 00 00 00 00 00
            ea ff ff ff
            40 00 00 00 18 00 05 06  01 00 00 00 00 00 00 00
            0d 00 01 00 42 61 64 20  72 6f 75 74 65 00 00 00
            """);
        var reader = new NetlinkReader(bytes);
        Assert.True(reader.MoveNext());

        var failure = NetlinkAck.Failure(reader.Current, "add route 10.0.0.0/8");

        Assert.Equal((Errno.Invalid, "add route 10.0.0.0/8", "Bad route"), (failure!.Errno, failure.Operation, failure.Detail));
        Assert.Equal("add route 10.0.0.0/8: Invalid argument (Bad route)", failure.Message);
    }

    private static void Decode(byte[] bytes)
    {
        var reader = new NetlinkReader(bytes);
        while (reader.MoveNext())
        {
            RouteDecoder.Route(reader.Current);
            RouteDecoder.Link(reader.Current);
            RouteDecoder.Address(reader.Current);
            RouteDecoder.Neighbour(reader.Current);
        }
    }
}
