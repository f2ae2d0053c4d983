using Podnet.Core.Model;
using Podnet.Core.Routes;
using Podnet.Dataplane.FastPath;
using Podnet.Netlink;

namespace Podnet.Agent;

/// <summary>
/// The fast path of established TCP connections. Nobody waits for it, as packets get where they must without: so it is made in the look that the loop takes about
/// once a second, which is also when new pods' links are found, and where it cannot be made, the node is as ready as without.
/// </summary>
/// <param name="network">Null before it is known.</param>
internal sealed class FastPathPart(AgentOptions options, Func<PodNetwork?> network, AgentStatus status) : IDataplanePart, IDisposable
{
    // Made on the loop's thread: their sockets belong to that thread's namespace.
    private FastPathDriver? _driver;
    private LinkEvents? _events;
    private FastPathNetwork? _wanted;
    private bool _readBack;
    private string? _fault;
    private bool _isOn;

    /// <summary>For the links that were there at the last look.</summary>
    private bool _isKept;

    public string Name => "Fast path";

    public string? Apply(ClusterState state, ClusterChanges changes, bool readBack)
    {
        if (changes.Nodes || readBack)
        {
            _wanted = network() is { } known ? FastPathNetwork.For(state, options.NodeName, known) : null;
            _isKept = false;
        }

        _readBack |= readBack;
        return null;
    }

    public string? Repair()
    {
        if (_wanted is not { } wanted || (_fault is not null && !_readBack))
            return null;
        try
        {
            _driver ??= new FastPathDriver();
            if (options.FastPath)
                Keep(wanted);
            else if (_readBack)
                _driver.Cleanup();
            (_fault, _readBack, _isKept) = (null, false, true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (e.Message != _fault)
                status.Logger.FastPathOff(e.Message);
            (_fault, _readBack, _isOn, _isKept) = (e.Message, false, false, false);
        }

        return null;
    }

    public void Dispose()
    {
        _driver?.Dispose();
        _events?.Dispose();
    }

    private void Keep(FastPathNetwork wanted)
    {
        // Before the links are read: what changes meanwhile is for the next look.
        var changed = (_events ??= new LinkEvents()).TakeAny();
        if (changed || !_isKept)
        {
            var report = _driver!.Apply(wanted, _readBack);
            // What is refused of one link does not keep the others from it.
            if (report.Failed)
                throw report.Failures[0];
            if (!_isOn)
                status.Logger.FastPathOn();
            _isOn = true;
        }

        status.Metrics.FastPath(_driver!.Count());
    }
}
