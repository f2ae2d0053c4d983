using Podnet.Linux;

namespace Podnet.Local.Kubelet;

/// <summary>What a program that somebody talks to reads and writes.</summary>
/// <param name="Terminal">A terminal of its own; all that it prints is output.</param>
/// <param name="Input">Whether it gets an input at all.</param>
/// <param name="Output">Takes what it prints; may block, which then holds up the program.</param>
internal sealed record StreamWishes(bool Terminal, bool Input, Action<ReadOnlyMemory<byte>> Output, Action<ReadOnlyMemory<byte>> Error);

/// <summary>Our side of a program's terminal, or of its pipes.</summary>
internal sealed class ProgramStreams : IDisposable
{
    private readonly SemaphoreSlim _writing = new(1);
    private readonly FileHandle? _terminal;
    private FileHandle? _input;

    private ProgramStreams(ChildProcess process, FileHandle? terminal, FileHandle? input, Task drained) =>
        (Process, _terminal, _input, Drained) = (process, terminal, input, drained);

    public ChildProcess Process { get; }

    /// <summary>The program has ended, and all that it printed has been taken. Fails as the one who takes it does.</summary>
    public Task Drained { get; }

    /// <param name="start">Starts the program with these streams; where they are empty, runc sends its terminal to this Unix socket.</param>
    public static Task<ProgramStreams> StartAsync(NodeRuntime node, StreamWishes wishes, Func<ExecStreams, string?, Task<ChildProcess>> start) =>
        wishes.Terminal ? OnTerminalAsync(node, wishes, start) : OnPipesAsync(wishes, start);

    /// <summary>Returns when all of it has been taken, or nobody reads it any more.</summary>
    public async Task WriteInputAsync(ReadOnlyMemory<byte> bytes, CancellationToken giveUp)
    {
        await _writing.WaitAsync(giveUp);
        try
        {
            if ((_terminal ?? _input) is { } to && !await DescriptorStreams.WriteAsync(to, bytes, giveUp) && !giveUp.IsCancellationRequested)
                Close();
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>On a terminal the end of input is a character that the user types.</summary>
    public async Task CloseInputAsync()
    {
        await _writing.WaitAsync();
        Close();
        _writing.Release();
    }

    public void Resize(ushort columns, ushort rows)
    {
        if (_terminal is not null && !Process.Exited.IsCompleted)
            Terminal.Resize(_terminal, columns, rows);
    }

    /// <summary>After the program has ended; its terminal is closed when it is drained.</summary>
    public void Dispose() => Close();

    private static async Task<ProgramStreams> OnPipesAsync(StreamWishes wishes, Func<ExecStreams, string?, Task<ChildProcess>> start)
    {
        var stdin = wishes.Input ? Pipe.Create() : null;
        var (stdout, stderr) = (Pipe.Create(), Pipe.Create());
        try
        {
            var process = await start(new ExecStreams(stdin?.Read, stdout.Write, stderr.Write), null);
            var drained = Task.WhenAll(
                DescriptorStreams.DrainAsync(stdout.Read, wishes.Output, process.Exited),
                DescriptorStreams.DrainAsync(stderr.Read, wishes.Error, process.Exited));
            return new ProgramStreams(process, terminal: null, stdin is null ? null : DescriptorStreams.NonBlocking(stdin.Write), drained);
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

    private static async Task<ProgramStreams> OnTerminalAsync(
        NodeRuntime node, StreamWishes wishes, Func<ExecStreams, string?, Task<ChildProcess>> start)
    {
        // In a short path: sun_path has room for 108 bytes.
        using var socket = new DescriptorSocket($"{node.Paths.Run}/tty-{Guid.NewGuid().ToString("N")[..12]}");
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30)); // arbitrary
        var receiving = socket.ReceiveAsync(patience.Token);
        try
        {
            var process = await start(new ExecStreams(), socket.Path);
            var terminal = DescriptorStreams.NonBlocking(await receiving);
            var drained = DescriptorStreams.DrainAsync(terminal, wishes.Output, process.Exited);
            return new ProgramStreams(process, terminal, input: null, drained);
        }
        catch
        {
            await patience.CancelAsync();
            throw;
        }
    }

    private void Close()
    {
        _input?.Dispose();
        _input = null;
    }
}
