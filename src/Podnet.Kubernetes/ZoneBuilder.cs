using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Core.Dns;
using Podnet.Kubernetes.Converters;

namespace Podnet.Kubernetes;

/// <summary>API objects → the names of a cluster. One that cannot be used is left out, and the log says so once.</summary>
public sealed class ZoneBuilder
{
    private readonly Lock _lock = new();
    private readonly Zone _zone;
    private readonly ILogger _logger;

    public ZoneBuilder(Zone zone, ILogger logger)
    {
        (_zone, _logger) = (zone, logger);
        Namespaces = new ConvertingSink<V1Namespace, string>(
            Resources.Namespaces, Namespace, static (a, b) => a == b, (name, _, now) => Put(() => _zone.PutNamespace(name.Name, now is not null)), Say);
        Services = new ConvertingSink<V1Service, NamedService>(
            Resources.Services, NamedServiceConverter.Convert, NamedServiceConverter.AreSame, (name, _, now) => Put(() => _zone.Put(name, now)), Say);
        EndpointSlices = new ConvertingSink<V1EndpointSlice, NamedEndpoints>(
            Resources.EndpointSlices, NamedEndpointsConverter.Convert, NamedEndpointsConverter.AreSame, (_, before, now) => Put(() => _zone.Put(before, now)), Say);
    }

    public IObjectSink<V1Namespace> Namespaces { get; }

    public IObjectSink<V1Service> Services { get; }

    public IObjectSink<V1EndpointSlice> EndpointSlices { get; }

    private static Converted<string> Namespace(V1Namespace value)
    {
        try
        {
            return new(Fields.Label(value.Metadata?.Name, "metadata.name"), null);
        }
        catch (FieldException e)
        {
            return new(null, e.Message);
        }
    }

    /// <summary>The kinds come from loops of their own.</summary>
    private void Put(Action change)
    {
        lock (_lock)
            change();
    }

    private void Say(LeftOutObject leftOut) => _logger.ObjectLeftOut(leftOut.Kind, Fields.Quote(leftOut.Name.ToString()), leftOut.Problem);
}
