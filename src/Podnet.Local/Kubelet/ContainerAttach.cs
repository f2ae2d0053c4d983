using Podnet.Local.ApiServer;

namespace Podnet.Local.Kubelet;

/// <summary>
/// Somebody at a container's own program: reads its log as it grows, and writes to its input. Disposing lets go of it; the program
/// goes on.
/// </summary>
internal sealed class ContainerAttach : IExecution
{
    private const int BlockSize = 32 * 1024; // bytes, arbitrary

    /// <summary>Between two looks at the log; what a person sees as at once. Arbitrary.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(10);

    private readonly CancellationTokenSource _gone = new();
    private readonly RunningContainer _container;
    private readonly AttachRequest _request;
    private readonly LogKeeper _logs;

    public ContainerAttach(RunningContainer container, AttachRequest request, LogKeeper logs)
    {
        (_container, _request, _logs) = (container, request, logs);
        var isFirst = request.Input && container.Console is { } console && console.AttachFirst();
        Ended = Task.Factory.StartNew(() => Follow(isFirst), TaskCreationOptions.LongRunning);
    }

    public Task<int> Ended { get; }

    public async ValueTask WriteInputAsync(ReadOnlyMemory<byte> bytes)
    {
        if (_request.Input && _container.Console is { } console)
            await console.WriteInputAsync(bytes, _gone.Token);
    }

    public async ValueTask CloseInputAsync()
    {
        if (_request.Input && _container.Console is { } console)
            await console.InputEndedAsync();
    }

    public void Resize(ushort columns, ushort rows) => _container.Console?.Resize(columns, rows);

    public async ValueTask DisposeAsync()
    {
        await _gone.CancelAsync();
        await CloseInputAsync();
    }

    /// <summary>Until nobody writes the log any more. What was punched out before it could be sent is left out.</summary>
    private int Follow(bool fromStart)
    {
        using var log = File.OpenHandle(_container.Log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var at = fromStart ? 0 : RandomAccess.GetLength(log);
        var block = new byte[BlockSize];
        while (!_gone.IsCancellationRequested)
        {
            var more = _logs.IsWritten(_container.Log);
            at = Math.Max(at, LogKeeper.FirstOffset(RandomAccess.GetLength(log)));
            var (isError, until) = _container.Console?.StreamAt(at) ?? (false, long.MaxValue);
            var read = RandomAccess.Read(log, block.AsSpan(0, (int)Math.Min(block.Length, until - at)), at);
            if (read > 0)
                (isError ? _request.Error : _request.Output)(block.AsMemory(0, read));
            else if (!more)
                return 0;
            else
                _gone.Token.WaitHandle.WaitOne(Period);
            at += read;
        }

        return 0;
    }
}
