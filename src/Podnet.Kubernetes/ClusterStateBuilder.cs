using System.Collections.Immutable;
using System.Net;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Core.Model;
using Podnet.Kubernetes.Converters;

namespace Podnet.Kubernetes;

/// <summary>
/// API objects → snapshots of the cluster. Each object becomes the little that matters to a node's network as it comes in, and is
/// not kept beside it. One that cannot be used is left out, and the log says so once.
/// </summary>
public sealed class ClusterStateBuilder
{
    private readonly Lock _lock = new();
    private readonly ILogger _logger;
    private readonly Dictionary<ObjectName, ServiceCidr> _serviceCidrs = [];
    private volatile ClusterState _current = ClusterState.Empty;
    private Action<ClusterState, ClusterChanges>? _changed;

    public ClusterStateBuilder(ILogger logger)
    {
        _logger = logger;
        Nodes = Sink<V1Node, Node>(Resources.Nodes, NodeConverter.Convert, Unchanged.Is, Put);
        Services = Sink<V1Service, Service>(Resources.Services, ServiceConverter.Convert, Unchanged.Is, Put);
        EndpointSlices = Sink<V1EndpointSlice, EndpointSlice>(Resources.EndpointSlices, EndpointSliceConverter.Convert, Unchanged.Is, Put);
        ServiceCidrs = Sink<V1ServiceCIDR, ServiceCidr>(Resources.ServiceCidrs, ServiceCidrConverter.Convert, ServiceCidr.AreSame, Put);
    }

    public ClusterState Current => _current;

    public IObjectSink<V1Node> Nodes { get; }

    public IObjectSink<V1Service> Services { get; }

    public IObjectSink<V1EndpointSlice> EndpointSlices { get; }

    public IObjectSink<V1ServiceCIDR> ServiceCidrs { get; }

    /// <summary>Told of each object that is left out, as a whole or in part, when the log is: once until it changes. Must not wait.</summary>
    public Action<LeftOutObject>? LeftOut { get; set; }

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

    private ConvertingSink<TObject, TModel> Sink<TObject, TModel>(
        Resource<TObject> resource, Func<TObject, Converted<TModel>> convert, Func<TModel, TModel, bool> unchanged,
        Func<ClusterState, ObjectName, TModel?, TModel?, (ClusterState State, ClusterChanges Changes)> put)
        where TObject : class, IKubernetesObject<V1ObjectMeta>
        where TModel : class
    {
        return new(resource, convert, unchanged, Changed, Say);

        void Changed(ObjectName name, TModel? before, TModel? now)
        {
            lock (_lock)
            {
                (_current, var changes) = put(_current, name, before, now);
                if (!changes.IsNone)
                    _changed?.Invoke(_current, changes);
            }
        }
    }

    private void Say(LeftOutObject leftOut)
    {
        var shown = Fields.Quote(leftOut.Name.ToString());
        if (leftOut.IsWhole)
            _logger.ObjectLeftOut(leftOut.Kind, shown, leftOut.Problem);
        else
            _logger.PartLeftOut(leftOut.Kind, shown, leftOut.Problem);
        LeftOut?.Invoke(leftOut);
    }

    private static (ClusterState State, ClusterChanges Changes) Put(ClusterState state, ObjectName name, Node? before, Node? now) =>
        (state with { Nodes = now is null ? state.Nodes.Remove(name.Name) : state.Nodes.SetItem(name.Name, now) }, ClusterChanges.OfNodes);

    private static (ClusterState State, ClusterChanges Changes) Put(ClusterState state, ObjectName name, Service? before, Service? now) =>
        (state with { Services = now is null ? state.Services.Remove(name) : state.Services.SetItem(name, now) }, ClusterChanges.OfServices(name));

    /// <summary>One that got another Service changes both.</summary>
    private static (ClusterState State, ClusterChanges Changes) Put(
        ClusterState state, ObjectName name, EndpointSlice? before, EndpointSlice? now)
    {
        var index = state.EndpointSlices;
        var changes = ClusterChanges.None;
        if (before is not null && before.ServiceName != now?.ServiceName)
        {
            changes = ClusterChanges.OfServices(before.ServiceName);
            index = index.Without(before.ServiceName, name);
        }
        if (now is not null)
        {
            changes = changes.Merge(ClusterChanges.OfServices(now.ServiceName));
            index = index.With(now);
        }
        return (state with { EndpointSlices = index }, changes);
    }

    /// <summary>Under the lock, as all of them: the blocks of all objects together are what there is.</summary>
    private (ClusterState State, ClusterChanges Changes) Put(ClusterState state, ObjectName name, ServiceCidr? before, ServiceCidr? now)
    {
        if (now is null)
            _serviceCidrs.Remove(name);
        else
            _serviceCidrs[name] = now;
        ImmutableArray<IPNetwork> blocks = [.. ServiceCidr.Sorted(_serviceCidrs.Values.SelectMany(each => each.Blocks).Distinct())];
        return blocks.SequenceEqual(state.ServiceCidrs)
            ? (state, ClusterChanges.None)
            : (state with { ServiceCidrs = blocks }, ClusterChanges.OfServiceCidrs);
    }
}
