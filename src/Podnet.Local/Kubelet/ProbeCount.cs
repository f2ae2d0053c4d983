using k8s.Models;

namespace Podnet.Local.Kubelet;

/// <summary>What a probe has decided from its runs so far, by its thresholds (k8s.io/kubernetes/pkg/kubelet/prober/worker.go).</summary>
/// <param name="initially">What holds until enough runs agree: a container is not ready, but alive.</param>
internal sealed class ProbeCount(V1Probe probe, bool initially)
{
    private bool? _last;
    private int _agreeing;

    public bool Result { get; private set; } = initially;

    /// <summary>Whether enough runs in a row agreed at some time.</summary>
    public bool IsDecided { get; private set; }

    /// <summary>Takes note of a run; true if it decides something: the first result at all, or another than before.</summary>
    public bool Add(bool success)
    {
        _agreeing = _last == success ? _agreeing + 1 : 1;
        _last = success;
        if (_agreeing < Math.Max(1, (success ? probe.SuccessThreshold : probe.FailureThreshold) ?? (success ? 1 : 3)))
            return false;
        var news = !IsDecided || Result != success;
        (Result, IsDecided) = (success, true);
        return news;
    }
}
