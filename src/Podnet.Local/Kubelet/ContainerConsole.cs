using Microsoft.Win32.SafeHandles;
using Podnet.Linux;

namespace Podnet.Local.Kubelet;

/// <summary>
/// The first program of a container that asks for an input or a terminal (stdin, tty). What it prints comes through here into its
/// log, from where everybody who is attached reads it: nobody who is slow holds it up, and there is no other buffer.
/// </summary>
internal sealed class ContainerConsole : IDisposable
{
    /// <summary>How many changes between output and error output are known at least; before them all counts as output. Arbitrary.</summary>
    private const int KnownSwitches = 10_000;

    private readonly SafeFileHandle _log;
    private readonly bool _isOnce;
    private readonly bool _isTerminal;

    /// <summary>Where in the log output gives way to error output, and the other way round: the first is error output.</summary>
    private readonly List<long> _switches = [];

    private ProgramStreams? _program;
    private int _attached;

    private ContainerConsole(SafeFileHandle log, bool isOnce, bool isTerminal) => (_log, _isOnce, _isTerminal) = (log, isOnce, isTerminal);

    public ChildProcess Process => Program.Process;

    /// <summary>All that it printed is in the log. Fails where that could not be written.</summary>
    public Task Drained => Program.Drained;

    private ProgramStreams Program => _program ?? throw new InvalidOperationException("it was not started");

    /// <param name="log">Appended to.</param>
    /// <inheritdoc cref="ProgramStreams.StartAsync"/>
    public static async Task<ContainerConsole> StartAsync(
        NodeRuntime node, k8s.Models.V1Container spec, string log, Func<ExecStreams, string?, Task<ChildProcess>> start)
    {
        var terminal = spec.Tty == true;
        FileHandle.OpenAppend(log).Dispose(); // made, with its mode
        var file = File.OpenHandle(log, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        var console = new ContainerConsole(file, spec.StdinOnce == true, terminal);
        try
        {
            var wishes = new StreamWishes(terminal, spec.Stdin == true, bytes => console.Append(bytes, isError: false), bytes => console.Append(bytes, isError: true));
            console._program = await ProgramStreams.StartAsync(node, wishes, start);
            return console;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>True for the one whom a container with stdinOnce waits for: they see what came before them.</summary>
    public bool AttachFirst() => _isOnce && Interlocked.Exchange(ref _attached, 1) == 0;

    public Task WriteInputAsync(ReadOnlyMemory<byte> bytes, CancellationToken giveUp) => Program.WriteInputAsync(bytes, giveUp);

    /// <summary>Somebody's input is at its end. With stdinOnce it is the container's, too; on a terminal it never is.</summary>
    public Task InputEndedAsync() => _isOnce && !_isTerminal ? Program.CloseInputAsync() : Task.CompletedTask;

    public void Resize(ushort columns, ushort rows) => Program.Resize(columns, rows);

    /// <summary>Whether what stands at an offset of the log is error output, and to what offset the same holds.</summary>
    public (bool IsError, long Until) StreamAt(long offset)
    {
        lock (_switches)
        {
            var next = _switches.BinarySearch(offset);
            next = next < 0 ? ~next : next + 1;
            return (next % 2 == 1, next < _switches.Count ? _switches[next] : long.MaxValue);
        }
    }

    public void Dispose()
    {
        _program?.Dispose();
        _log.Dispose();
    }

    private void Append(ReadOnlyMemory<byte> bytes, bool isError)
    {
        lock (_switches)
        {
            if (isError != (_switches.Count % 2 == 1))
                _switches.Add(RandomAccess.GetLength(_log));
            if (_switches.Count >= 2 * KnownSwitches)
                _switches.RemoveRange(0, KnownSwitches);
            RandomAccess.Write(_log, bytes.Span, RandomAccess.GetLength(_log));
        }
    }
}
