using System.Net.WebSockets;
using System.Text.Json.Nodes;
using Podnet.Local.ApiServer;

namespace Podnet.Local.Streaming;

/// <summary>
/// v5.channel.k8s.io and v4.channel.k8s.io (k8s.io/apimachinery/pkg/util/remotecommand): a binary message is a byte that names
/// the channel, and its data. In v5 a message of channel 255 names a channel that is at its end.
/// </summary>
internal sealed class WebSocketExecChannels(WebSocket socket) : IExecChannels
{
    public const string V5 = "v5.channel.k8s.io", V4 = "v4.channel.k8s.io";

    private const byte Stdin = 0, Stdout = 1, Stderr = 2, Status = 3, Resize = 4, Close = 255;
    private const int BlockSize = 64 * 1024; // bytes, arbitrary

    /// <summary>A client that does not answer a close is left. Arbitrary.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _sending = new(1);

    public void Output(ReadOnlyMemory<byte> bytes) => SendAsync(Stdout, bytes).GetAwaiter().GetResult();

    public void Error(ReadOnlyMemory<byte> bytes) => SendAsync(Stderr, bytes).GetAwaiter().GetResult();

    public async Task ReceiveAsync(IExecution execution, CancellationToken ct)
    {
        var block = new byte[BlockSize];
        int? channel = null;
        while (true)
        {
            var part = await socket.ReceiveAsync(block.AsMemory(), ct);
            if (part.MessageType == WebSocketMessageType.Close)
                return;
            var data = block.AsMemory(0, part.Count);
            if (channel is null && data.Length > 0)
            {
                channel = data.Span[0];
                data = data[1..];
            }

            await TakeAsync(channel, data, execution);
            if (part.EndOfMessage)
                channel = null;
        }
    }

    public async Task FinishAsync(JsonObject status)
    {
        await SendAsync(Status, ObjectJson.ToUtf8(status));
        using var patience = new CancellationTokenSource(Patience);
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, patience.Token);
    }

    private static async ValueTask TakeAsync(int? channel, ReadOnlyMemory<byte> data, IExecution execution)
    {
        switch (channel)
        {
            case Stdin when data.Length > 0:
                await execution.WriteInputAsync(data);
                break;
            case Resize when TerminalSize.TryRead(data.Span, out var columns, out var rows):
                execution.Resize(columns, rows);
                break;
            case Close when data.Length == 1 && data.Span[0] == Stdin:
                await execution.CloseInputAsync();
                break;
        }
    }

    private async Task SendAsync(byte channel, ReadOnlyMemory<byte> bytes)
    {
        await _sending.WaitAsync();
        try
        {
            var message = new byte[1 + bytes.Length];
            message[0] = channel;
            bytes.CopyTo(message.AsMemory(1));
            await socket.SendAsync(message, WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);
        }
        finally
        {
            _sending.Release();
        }
    }
}
