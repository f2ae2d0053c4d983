using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using Podnet.Linux;

namespace Podnet.Local.Check;

/// <summary>The TCP connections of a namespace, as its own sockets see them: /proc/net/tcp and tcp6 (proc_net_tcp.rst).</summary>
internal static class SocketTable
{
    private const int SynReceived = 3; // net/tcp_states.h
    private const int Listening = 10;

    internal static bool Has(NetworkNamespace @namespace, IPEndPoint local, IPEndPoint peer) =>
        @namespace.Run(() => Read("/proc/thread-self/net/tcp").Concat(Read("/proc/thread-self/net/tcp6"))
            .Any(connection => connection.Local.Equals(local) && connection.Peer.Equals(peer)));

    private static IEnumerable<(IPEndPoint Local, IPEndPoint Peer)> Read(string file) =>
        File.Exists(file) ? Parse(File.ReadLines(file)) : []; // no tcp6 where IPv6 is switched off

    /// <summary>Lines of "sl local_address rem_address st …", after a heading; only connections that are or were established.</summary>
    internal static IEnumerable<(IPEndPoint Local, IPEndPoint Peer)> Parse(IEnumerable<string> lines)
    {
        foreach (var line in lines.Skip(1))
        {
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (int.Parse(fields[3], NumberStyles.HexNumber, CultureInfo.InvariantCulture) is not (Listening or SynReceived))
                yield return (EndPoint(fields[1]), EndPoint(fields[2]));
        }
    }

    /// <summary>
    /// "1C00F00A:1F90": the address as 32-bit words in host byte order, the port in ordinary hexadecimal. An IPv4 connection of
    /// an IPv6 socket appears as ::ffff:a.b.c.d and is made what it is.
    /// </summary>
    private static IPEndPoint EndPoint(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var bytes = Convert.FromHexString(text.AsSpan(0, colon));
        for (var i = 0; i < bytes.Length; i += sizeof(uint))
        {
            var word = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(i));
            BitConverter.TryWriteBytes(bytes.AsSpan(i), word);
        }

        var address = new IPAddress(bytes);
        return new IPEndPoint(
            address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address,
            int.Parse(text.AsSpan(colon + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
    }
}
