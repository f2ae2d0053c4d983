using System.Collections.Immutable;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Core.Model;
using Podnet.Kubernetes.Converters;

namespace Podnet.Kubernetes;

/// <summary>
/// Changes of API objects → snapshots of the cluster. An object that cannot be used is left out of them, and the log says so once.
/// Its methods are what <see cref="Informer{T}.Changed"/> calls, from any thread.
/// </summary>
public sealed class ClusterStateBuilder(ILogger logger)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Kind, ObjectName Name), string> _problems = [];
    private volatile ClusterState _current = ClusterState.Empty;
    private Action<ClusterState, ClusterChanges>? _changed;

    public ClusterState Current => _current;

    /// <summary>
    /// Tells of the current state and <see cref="ClusterChanges.Everything"/> at once, from then on of each change that matters to a
    /// node's network, in order. What it calls must not wait: everything else that changes waits for it.
    /// </summary>
    public void Subscribe(Action<ClusterState, ClusterChanges> changed)
    {
        lock (_lock)
        {
            _changed = changed;
            changed(_current, ClusterChanges.Everything);
        }
    }

    public void Follow(Informer<V1Node> nodes) => nodes.Changed += (before, now) =>
        Apply("Node", before, now, NodeConverter.Convert, static (state, name, _, node) =>
            With(state.Nodes, name.Name, node, Unchanged.Is) is { } changed
                ? (state with { Nodes = changed }, ClusterChanges.OfNodes)
                : (state, ClusterChanges.None));

    public void Follow(Informer<V1Service> services) => services.Changed += (before, now) =>
        Apply("Service", before, now, ServiceConverter.Convert, static (state, name, _, service) =>
            With(state.Services, name, service, Unchanged.Is) is { } changed
                ? (state with { Services = changed }, ClusterChanges.OfServices(name))
                : (state, ClusterChanges.None));

    public void Follow(Informer<V1EndpointSlice> slices) => slices.Changed += (before, now) =>
        Apply("EndpointSlice", before, now, EndpointSliceConverter.Convert, static (state, name, before, slice) =>
            Put(state, name, EndpointSliceConverter.ServiceOf(before), slice));

    private static (ClusterState State, ClusterChanges Changes) Put(
        ClusterState state, ObjectName name, ObjectName? serviceBefore, EndpointSlice? slice)
    {
        var index = state.EndpointSlices;
        var before = serviceBefore is { } service ? state.SlicesOf(service).FirstOrDefault(each => each.Name == name) : null;
        if (before is null && slice is null)
            return (state, ClusterChanges.None);
        if (before is not null && slice is not null && Unchanged.Is(before, slice))
            return (state, ClusterChanges.None);
        var changes = ClusterChanges.None;
        if (before is not null)
        {
            changes = ClusterChanges.OfServices(before.ServiceName);
            if (slice?.ServiceName != before.ServiceName)
                index = index.Without(before.ServiceName, name);
        }
        if (slice is not null)
        {
            changes = changes.Merge(ClusterChanges.OfServices(slice.ServiceName));
            index = index.With(slice);
        }
        return (state with { EndpointSlices = index }, changes);
    }

    private void Apply<TObject, TModel>(
        string kind, TObject? before, TObject? now, Func<TObject, Converted<TModel>> convert,
        Func<ClusterState, ObjectName, TObject?, TModel?, (ClusterState State, ClusterChanges Changes)> put)
        where TObject : class, IKubernetesObject<V1ObjectMeta>
        where TModel : class
    {
        var meta = (now ?? before)!.Metadata;
        var name = new ObjectName(meta.NamespaceProperty ?? "", meta.Name);
        var converted = now is null ? Converted<TModel>.Ignored : convert(now);
        lock (_lock)
        {
            Say(kind, name, converted.Problem, leftOut: converted.Value is null);
            var (state, changes) = put(_current, name, before, converted.Value);
            if (changes.IsNone)
                return;
            _current = state;
            _changed?.Invoke(state, changes);
        }
    }

    private void Say(string kind, ObjectName name, string? problem, bool leftOut)
    {
        if (problem is null)
        {
            _problems.Remove((kind, name));
            return;
        }
        if (_problems.GetValueOrDefault((kind, name)) == problem)
            return;
        _problems[(kind, name)] = problem;
        var shown = Fields.Quote(name.Namespace.Length == 0 ? name.Name : name.ToString());
        if (leftOut)
            logger.ObjectLeftOut(kind, shown, problem);
        else
            logger.PartLeftOut(kind, shown, problem);
    }

    /// <summary>Null if nothing changes.</summary>
    private static ImmutableDictionary<TKey, TValue>? With<TKey, TValue>(
        ImmutableDictionary<TKey, TValue> all, TKey name, TValue? now, Func<TValue, TValue, bool> unchanged)
        where TKey : notnull
        where TValue : class
    {
        var before = all.GetValueOrDefault(name);
        if (now is null)
            return before is null ? null : all.Remove(name);
        return before is not null && unchanged(before, now) ? null : all.SetItem(name, now);
    }
}
