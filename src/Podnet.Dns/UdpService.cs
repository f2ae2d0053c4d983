using Podnet.Linux;

namespace Podnet.Dns;

/// <summary>Answers what comes in at one UDP socket, on a thread of its own.</summary>
internal sealed class UdpService(DatagramServer socket, QueryHandler handler)
{
    /// <summary>Bytes of a query that are taken in: the longest question and EDNS options many times over. Arbitrary.</summary>
    public const int LargestQuery = 2048;

    private uint _turn;

    /// <summary>Until cancelled.</summary>
    /// <exception cref="KernelException">The socket is broken.</exception>
    public Task RunAsync(CancellationToken ct)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                using var registration = ct.Register(socket.Stop);
                Run();
                ended.SetResult();
            }
            catch (Exception e)
            {
                ended.SetException(e);
            }
        })
        { IsBackground = true, Name = "dns" };
        thread.Start();
        return ended.Task;
    }

    private void Run()
    {
        while (socket.Receive() is > 0 and var count)
        {
            for (var i = 0; i < count; i++)
            {
                var length = handler.Answer(socket.Received(i), socket.Reply(i), overUdp: true, _turn++, out var later);
                if (length > 0)
                    socket.Answer(i, length);
                else if (later is not null)
                    _ = SendLaterAsync(later, socket.SenderOf(i));
            }
            socket.Send();
        }
    }

    private async Task SendLaterAsync(Task<byte[]> later, DatagramServer.Sender to)
    {
        if (await later is { Length: > 0 } answer)
            socket.Send(to, answer);
    }
}
