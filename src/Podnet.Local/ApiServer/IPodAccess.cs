namespace Podnet.Local.ApiServer;

/// <summary>One container, on the node that runs it.</summary>
/// <param name="Uid">The pod's.</param>
public sealed record ContainerTarget(string Node, string Namespace, string Pod, string Uid, string Container);

/// <summary>What a client wants of a log (PodLogOptions).</summary>
/// <param name="Since">Not what came before.</param>
public sealed record LogOptions(bool Follow, long? TailLines, DateTimeOffset? Since, bool Timestamps, long? LimitBytes);

/// <summary>What nodes let a client do with the pods that they run.</summary>
public interface IPodAccess
{
    /// <param name="run">Which run of the container: its restart count then.</param>
    /// <exception cref="StatusException">There is no such log.</exception>
    Task CopyLogAsync(ContainerTarget target, int run, LogOptions options, Stream output, CancellationToken ct);
}
