using Podnet.Linux;
using Podnet.Local.ApiServer;

namespace Podnet.Local.Kubelet;

/// <summary>A program that somebody runs in a container, with their input and output. Disposing kills it.</summary>
internal sealed class ContainerExec : IExecution
{
    private readonly ProgramStreams _program;
    private readonly CancellationTokenSource _gone = new();

    private ContainerExec(ProgramStreams program)
    {
        _program = program;
        Ended = EndAsync();
    }

    public Task<int> Ended { get; }

    /// <exception cref="RuncException">It could not be started.</exception>
    public static async Task<ContainerExec> StartAsync(NodeRuntime node, RunningContainer container, ExecRequest request) =>
        new(await ProgramStreams.StartAsync(
            node, new StreamWishes(request.Terminal, request.Input, request.Output, request.Error),
            (streams, console) => node.Runc.ExecAsync(container, request.Command, streams, console)));

    public ValueTask WriteInputAsync(ReadOnlyMemory<byte> bytes) => new(_program.WriteInputAsync(bytes, _gone.Token));

    public ValueTask CloseInputAsync() => new(_program.CloseInputAsync());

    public void Resize(ushort columns, ushort rows) => _program.Resize(columns, rows);

    public async ValueTask DisposeAsync()
    {
        await _gone.CancelAsync();
        if (!_program.Process.Exited.IsCompleted)
            _program.Process.Kill(Signals.Kill);
        await Ended;
        _program.Dispose();
        _gone.Dispose();
    }

    private async Task<int> EndAsync()
    {
        var status = await _program.Process.Exited;
        try
        {
            await _program.Drained;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or System.Net.WebSockets.WebSocketException)
        {
            // Whoever wanted to read it is gone.
        }

        return status.ShellCode;
    }
}
