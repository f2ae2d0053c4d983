using Podnet.Linux;
using Podnet.Local.ApiServer;

namespace Podnet.Local.Kubelet;

/// <summary>A program that somebody runs in a container, with their input and output.</summary>
internal sealed class ContainerExec : IExecution
{
    private readonly ChildProcess _process;
    private readonly FileHandle? _terminal;
    private readonly Task _drained;
    private FileHandle? _input;

    private ContainerExec(ChildProcess process, FileHandle? terminal, FileHandle? input, Task drained)
    {
        _process = process;
        _terminal = terminal;
        _input = input;
        _drained = drained;
        Ended = EndAsync();
    }

    public Task<int> Ended { get; }

    /// <exception cref="RuncException">It could not be started.</exception>
    public static Task<ContainerExec> StartAsync(NodeRuntime node, RunningContainer container, ExecRequest request) =>
        request.Terminal ? OnTerminalAsync(node, container, request) : OnPipesAsync(node, container, request);

    public async ValueTask WriteInputAsync(ReadOnlyMemory<byte> bytes)
    {
        var to = _terminal ?? _input;
        if (to is not null && !await DescriptorStreams.WriteAsync(to, bytes, _process.Exited))
            CloseInput();
    }

    public void CloseInput()
    {
        // On a terminal the end of input is a character that the user types.
        _input?.Dispose();
        _input = null;
    }

    public void Resize(ushort columns, ushort rows)
    {
        if (_terminal is not null && !Ended.IsCompleted)
            Terminal.Resize(_terminal, columns, rows);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.Exited.IsCompleted)
            _process.Kill(Signals.Kill);
        await Ended;
        CloseInput();
    }

    private static async Task<ContainerExec> OnPipesAsync(NodeRuntime node, RunningContainer container, ExecRequest request)
    {
        var stdin = request.Input ? Pipe.Create() : null;
        var (stdout, stderr) = (Pipe.Create(), Pipe.Create());
        try
        {
            var process = await node.Runc.ExecAsync(container, request.Command, new ExecStreams(stdin?.Read, stdout.Write, stderr.Write));
            var drained = Task.WhenAll(
                DescriptorStreams.DrainAsync(stdout.Read, bytes => request.Output(bytes), process.Exited),
                DescriptorStreams.DrainAsync(stderr.Read, bytes => request.Error(bytes), process.Exited));
            return new ContainerExec(process, terminal: null, stdin?.Write, drained);
        }
        catch
        {
            stdin?.Dispose();
            stdout.Dispose();
            stderr.Dispose();
            throw;
        }
        finally
        {
            stdin?.Read.Dispose();
            stdout.Write.Dispose();
            stderr.Write.Dispose();
        }
    }

    private static async Task<ContainerExec> OnTerminalAsync(NodeRuntime node, RunningContainer container, ExecRequest request)
    {
        // In a short path: sun_path has room for 108 bytes.
        using var socket = new DescriptorSocket($"{node.Paths.Run}/tty-{Guid.NewGuid().ToString("N")[..12]}");
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30)); // arbitrary
        var receiving = socket.ReceiveAsync(patience.Token);
        try
        {
            var process = await node.Runc.ExecAsync(container, request.Command, new ExecStreams(), socket.Path);
            var terminal = await receiving;
            var drained = DescriptorStreams.DrainAsync(terminal, bytes => request.Output(bytes), process.Exited);
            return new ContainerExec(process, terminal, input: null, drained);
        }
        catch
        {
            await patience.CancelAsync();
            throw;
        }
    }

    private async Task<int> EndAsync()
    {
        var status = await _process.Exited;
        try
        {
            await _drained;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or System.Net.WebSockets.WebSocketException)
        {
            // Whoever wanted to read it is gone.
        }

        return status.ShellCode;
    }
}
