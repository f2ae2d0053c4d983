using System.Collections.Concurrent;
using System.Net.Sockets;
using Podnet.Linux;

namespace Podnet.Local.Check;

/// <summary>
/// Whether everybody reaches whom they must, seen as whom they must be: with real connections between the real namespaces.
/// </summary>
public sealed class ConnectivityCheck
{
    /// <summary>Arbitrary; long enough for one retransmitted SYN, which comes after 1 s (RFC 6298).</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Arbitrary: most of the time is spent waiting, where something is wrong.</summary>
    private const int AtOnce = 32;

    private readonly CheckTargets _targets;
    private readonly TimeSpan _timeout;

    public ConnectivityCheck(CheckTargets targets)
        : this(targets, DefaultTimeout)
    {
    }

    internal ConnectivityCheck(CheckTargets targets, TimeSpan timeout)
    {
        _targets = targets;
        _timeout = timeout;
    }

    /// <summary>Called with the rows done and to do, from any thread, after each row.</summary>
    public Action<int, int>? Progress { get; set; }

    public async Task<CheckReport> RunAsync(CancellationToken cancellation)
    {
        var probes = CheckPlan.Make(_targets.Places, _targets.State);
        var rows = new CheckRow[probes.Count];
        var done = 0;
        var listeners = new ConcurrentDictionary<Place, Lazy<Listening>>();
        var direct = new DirectCheck(_targets, place => ListenerOf(place, listeners), _timeout);
        var services = new ServiceCheck(_targets, _timeout);
        try
        {
            var options = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellation };
            await Parallel.ForAsync(0, probes.Count, options, async (i, token) =>
            {
                rows[i] = probes[i] is ServiceProbe probe
                    ? await services.RunAsync(probe, token)
                    : await direct.RunAsync((DirectProbe)probes[i], token);
                Progress?.Invoke(Interlocked.Increment(ref done), probes.Count);
            });
        }
        finally
        {
            foreach (var listener in listeners.Values)
                listener.Value.Listener?.Dispose();
        }

        return new CheckReport([.. rows], _targets.NotChecked);
    }

    private Listening ListenerOf(Place place, ConcurrentDictionary<Place, Lazy<Listening>> listeners) =>
        listeners.GetOrAdd(place, _ => new Lazy<Listening>(() => Listen(place))).Value;

    private Listening Listen(Place place)
    {
        try
        {
            return new Listening(ProbeListener.Open(_targets.NamespaceOf(place), place.Address), null);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressNotAvailable)
        {
            return new Listening(null, $"wrong address: {place} has {place.Address} on none of its interfaces");
        }
        catch (Exception e) when (e is SocketException or KernelException)
        {
            return new Listening(null, $"cannot listen in {place}: {e.Message}");
        }
    }
}

/// <summary>A listener, or why there is none.</summary>
internal sealed record Listening(ProbeListener? Listener, string? Failure);
