namespace Podnet.Local.ApiServer;

/// <summary>One container, on the node that runs it.</summary>
/// <param name="Uid">The pod's.</param>
/// <param name="Container">Empty for the pod as a whole.</param>
public sealed record ContainerTarget(string Node, string Namespace, string Pod, string Uid, string Container);

/// <summary>What a client wants of a log (PodLogOptions).</summary>
/// <param name="Since">Not what came before.</param>
public sealed record LogOptions(bool Follow, long? TailLines, DateTimeOffset? Since, bool Timestamps, long? LimitBytes);

/// <summary>A program to be run in a container (PodExecOptions).</summary>
/// <param name="Input">Whether it gets an input at all.</param>
/// <param name="Terminal">It runs on a terminal of its own; all that it prints is output.</param>
/// <param name="Output">Takes what it prints; may block, which then holds up the program.</param>
public sealed record ExecRequest(
    IReadOnlyList<string> Command, bool Input, bool Terminal, Action<ReadOnlyMemory<byte>> Output, Action<ReadOnlyMemory<byte>> Error);

/// <summary>A client at a container's own program (PodAttachOptions).</summary>
/// <param name="Input">Whether the client writes to it.</param>
/// <param name="Output">Takes what it prints; may block, which holds up nobody.</param>
public sealed record AttachRequest(bool Input, Action<ReadOnlyMemory<byte>> Output, Action<ReadOnlyMemory<byte>> Error);

/// <summary>A program in a container, as one client has it. Disposing ends what was made for that client.</summary>
public interface IExecution : IAsyncDisposable
{
    /// <summary>Its exit code, or 128 and the signal, of a program that was made for the client; after all that it printed has been taken.</summary>
    Task<int> Ended { get; }

    ValueTask WriteInputAsync(ReadOnlyMemory<byte> bytes);

    /// <summary>Nothing more comes.</summary>
    ValueTask CloseInputAsync();

    /// <param name="columns">In characters, as the rows.</param>
    void Resize(ushort columns, ushort rows);
}

/// <summary>What nodes let a client do with the pods that they run.</summary>
public interface IPodAccess
{
    /// <param name="run">Which run of the container: its restart count then.</param>
    /// <exception cref="StatusException">There is no such log.</exception>
    Task CopyLogAsync(ContainerTarget target, int run, LogOptions options, Stream output, CancellationToken ct);

    /// <exception cref="StatusException">The container does not run, or the program cannot be started in it.</exception>
    Task<IExecution> ExecAsync(ContainerTarget target, ExecRequest request);

    /// <exception cref="StatusException">The container does not run.</exception>
    IExecution Attach(ContainerTarget target, AttachRequest request);

    /// <summary>A connection to a port of the pod, at its 127.0.0.1 or ::1.</summary>
    /// <exception cref="IOException">Nobody listens there.</exception>
    Task<Stream> DialAsync(ContainerTarget target, int port, CancellationToken ct);
}
