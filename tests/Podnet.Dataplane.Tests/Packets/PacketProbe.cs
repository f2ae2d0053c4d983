using System.Net;
using System.Net.Sockets;
using System.Text;
using Podnet.Core.Model;
using Podnet.Core.Trace;
using Podnet.Fixtures;

namespace Podnet.Dataplane.Tests.Packets;

/// <summary>Sends a row's packet for real, and says what became of it in the words of the table.</summary>
public sealed class PacketProbe(PacketNetwork network, PacketRow row, IReadOnlyList<string> expected)
{
    private const string Dropped = "dropped";

    /// <summary>Nothing answers where silence is right, so waiting longer would tell nothing; where an answer must come, it may take its time.</summary>
    private readonly TimeSpan _patience = expected.Contains(Dropped) ? TimeSpan.FromMilliseconds(300) : TimeSpan.FromSeconds(5);

    /// <summary>The node's primary address looks the same with masquerade and without.</summary>
    private readonly bool _masqueradeShows = !PacketPlaces.Node.Contains(row.From)
        || !row.From.Equals(PacketPlaces.Node.First(a => a.Family() == row.From.Family()));

    /// <summary>Sends until every outcome has been seen; null if just those were, else what is wrong.</summary>
    public async Task<string?> CheckAsync()
    {
        var wanted = expected.Select(Visible).ToHashSet();
        var seen = new HashSet<string>();
        // Of n equally likely outcomes one that is still missing after 30 n trials (chance e^-30 each) does not happen.
        var most = wanted.Count * 30;
        var least = wanted.Contains(Dropped) ? 1 : 3;
        for (var trial = 0; trial < most; trial++)
        {
            var outcome = await TryAsync(row.Targets[trial % row.Targets.Length]);
            if (!wanted.Contains(outcome))
                return $"wanted {string.Join(", ", expected)}; got {outcome} at trial {trial + 1}";
            seen.Add(outcome);
            if (row.Sticks && seen.Count > 1)
                return $"wanted the same again and again; got {string.Join(", ", seen)}";
            if (trial + 1 >= least && (row.Sticks ? trial + 1 >= 8 : seen.Count == wanted.Count))
                return null;
        }

        return $"wanted {string.Join(", ", expected)}; got only {string.Join(", ", seen)} in {most} trials";
    }

    private async Task<string> TryAsync(PacketTarget to)
    {
        using var socket = network.OpenClient(row);
        using var deadline = new CancellationTokenSource(_patience);
        var buffer = new byte[128];
        try
        {
            await socket.ConnectAsync(new IPEndPoint(to.Address, to.Port), deadline.Token);
            if (row.Protocol == Protocol.Udp)
                await SendAsync(socket, deadline.Token);
            var length = await socket.ReceiveAsync(buffer, deadline.Token);
            return Answered(Encoding.ASCII.GetString(buffer, 0, length), to);
        }
        catch (OperationCanceledException)
        {
            return Dropped;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return "rejected";
        }
        catch (SocketException e)
        {
            return $"{e.SocketErrorCode}";
        }
    }

    /// <summary>
    /// If the node's own rules stop its datagram, dropped or rejected, the kernel says EPERM at once; only a rejected one gets an
    /// ICMP message, too, which is there to be received.
    /// </summary>
    private static async Task SendAsync(Socket socket, CancellationToken deadline)
    {
        try
        {
            await socket.SendAsync(new byte[] { 1 }, deadline);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AccessDenied)
        {
            // What became of it shows when receiving.
        }
    }

    private string Answered(string answer, PacketTarget to)
    {
        var (endpoint, source) = answer.Split(' ') is [var one, var other] ? (one, other) : (answer, "nobody");
        var masqueraded = source != AddressText.Of(row.From);
        if (masqueraded && !PacketPlaces.Node.Any(a => AddressText.Of(a) == source))
            return $"{endpoint} with source {source}";
        if (endpoint == $"{to}" && !masqueraded)
            return "untouched";
        return Visible(masqueraded ? $"{endpoint} masqueraded" : endpoint);
    }

    private string Visible(string outcome) =>
        _masqueradeShows ? outcome : outcome.Replace(" masqueraded", "", StringComparison.Ordinal);
}
