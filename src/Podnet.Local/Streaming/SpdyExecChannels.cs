using System.Text.Json.Nodes;
using Podnet.Local.ApiServer;

namespace Podnet.Local.Streaming;

/// <summary>
/// v4.channel.k8s.io over SPDY: a stream for each of error, stdin, stdout, stderr and resize, as its header "streamtype" says
/// (k8s.io/kubernetes/staging/src/k8s.io/kubelet/pkg/cri/streaming/remotecommand/httpstream.go).
/// </summary>
internal sealed class SpdyExecChannels : IExecChannels
{
    /// <summary>How long a client may take to open its streams: the kubelet's DefaultStreamCreationTimeout.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly SpdyConnection _connection;
    private readonly Dictionary<string, SpdyStream> _streams;
    private readonly Task _running;

    private SpdyExecChannels(SpdyConnection connection, Dictionary<string, SpdyStream> streams, Task running) =>
        (_connection, _streams, _running) = (connection, streams, running);

    /// <summary>Waits until the client has opened so many streams.</summary>
    /// <param name="running">The connection's reading.</param>
    public static async Task<SpdyExecChannels> AcceptAsync(SpdyConnection connection, int count, Task running)
    {
        using var patience = new CancellationTokenSource(Patience);
        var streams = new Dictionary<string, SpdyStream>(StringComparer.Ordinal);
        while (streams.Count < count)
        {
            var stream = await connection.Opened.ReadAsync(patience.Token);
            streams[stream.Headers.GetValueOrDefault("streamtype") ?? ""] = stream;
        }

        return new SpdyExecChannels(connection, streams, running);
    }

    public void Output(ReadOnlyMemory<byte> bytes) => Send("stdout", bytes);

    public void Error(ReadOnlyMemory<byte> bytes) => Send("stderr", bytes);

    public async Task ReceiveAsync(IExecution execution, CancellationToken ct)
    {
        await Task.WhenAll(ReadInputAsync(execution, ct), ReadSizesAsync(execution, ct));
        await _running;
    }

    public async Task FinishAsync(JsonObject status)
    {
        if (_streams.TryGetValue("error", out var error))
            await error.WriteAsync(ObjectJson.ToUtf8(status));
        foreach (var stream in _streams.Values)
        {
            stream.StopReading();
            await stream.CloseAsync();
        }

        await _connection.GoAwayAsync();
    }

    private void Send(string type, ReadOnlyMemory<byte> bytes)
    {
        if (_streams.TryGetValue(type, out var stream))
            stream.WriteAsync(bytes).GetAwaiter().GetResult();
    }

    private async Task ReadInputAsync(IExecution execution, CancellationToken ct)
    {
        if (!_streams.TryGetValue("stdin", out var stream))
            return;
        var block = new byte[32 * 1024];
        while (await stream.Input.ReadAsync(block, ct) is var read && read > 0)
            await execution.WriteInputAsync(block.AsMemory(0, read));
        await execution.CloseInputAsync();
    }

    private async Task ReadSizesAsync(IExecution execution, CancellationToken ct)
    {
        if (!_streams.TryGetValue("resize", out var stream))
            return;
        using var lines = new StreamReader(stream.Input);
        while (await lines.ReadLineAsync(ct) is { } line)
        {
            if (TerminalSize.TryRead(System.Text.Encoding.UTF8.GetBytes(line), out var columns, out var rows))
                execution.Resize(columns, rows);
        }
    }
}
