using k8s;
using k8s.Models;
using Podnet.Core.Model;
using Podnet.Kubernetes;

namespace Podnet.Agent.Metrics;

/// <summary>Passes all objects of a kind on, and tells of each change.</summary>
/// <param name="changed">
/// With what it is now; with null for one that is gone or cannot be read, and for those of a list, of which most are as they were.
/// </param>
internal sealed class CountingSink<T>(IObjectSink<T> next, Action<T?> changed) : IObjectSink<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private bool _listing;

    public void BeginList()
    {
        _listing = true;
        next.BeginList();
    }

    /// <summary>Told before it is passed on: what is passed on may be written at once.</summary>
    public void Put(T value)
    {
        changed(_listing ? null : value);
        next.Put(value);
    }

    public void Remove(ObjectName name)
    {
        changed(null);
        next.Remove(name);
    }

    public void LeaveOut(BrokenObject broken)
    {
        changed(null);
        next.LeaveOut(broken);
    }

    public void EndList()
    {
        _listing = false;
        next.EndList();
    }
}
