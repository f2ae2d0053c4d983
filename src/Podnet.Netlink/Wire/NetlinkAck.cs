using System.Runtime.InteropServices;
using Podnet.Linux;

namespace Podnet.Netlink;

/// <summary>What an ACK, or the end of a dump, says.</summary>
/// <remarks>
/// <code>
/// struct nlmsgerr (linux/netlink.h), the payload of NLMSG_ERROR:
///
///   0       4                         20
///   | error | header of the request   | its payload, unless NLM_F_CAPPED | attributes, if NLM_F_ACK_TLVS
///
/// error is 0 or a negative errno. NLMSG_DONE has the error alone, then attributes.
/// </code>
/// </remarks>
internal static class NetlinkAck
{
    private const int MessageAttribute = 1; // NLMSGERR_ATTR_MSG: text for people

    /// <summary>Null where it is no failure.</summary>
    internal static KernelException? Failure(NetlinkMessage message, string operation)
    {
        var payload = message.Payload;
        if (payload.Length < sizeof(int))
            return message.Type == NetlinkMessage.Done ? null : throw NetlinkFormat.Broken($"an ACK of {payload.Length} bytes");
        var error = MemoryMarshal.Read<int>(payload);
        return error == 0 ? null : new KernelException((Errno)(-error), operation, Text(message));
    }

    private static string? Text(NetlinkMessage message)
    {
        if (!message.Flags.HasFlag(NetlinkFlags.AckAttributes))
            return null;
        var payload = message.Payload[sizeof(int)..];
        if (message.Type == NetlinkMessage.Error)
        {
            if (payload.Length < NetlinkWriter.HeaderLength)
                throw NetlinkFormat.Broken($"an ACK of {message.Payload.Length} bytes");
            var request = message.Flags.HasFlag(NetlinkFlags.AckCapped)
                ? NetlinkWriter.HeaderLength
                : NetlinkWriter.Align((int)MemoryMarshal.Read<uint>(payload));
            if (request < NetlinkWriter.HeaderLength || request > payload.Length)
                throw NetlinkFormat.Broken($"an ACK of {message.Payload.Length} bytes for a request of {request}");
            payload = payload[request..];
        }

        var attributes = new AttributeReader(payload);
        while (attributes.MoveNext())
        {
            if (attributes.Type == MessageAttribute)
                return attributes.Text;
        }

        return null;
    }
}
