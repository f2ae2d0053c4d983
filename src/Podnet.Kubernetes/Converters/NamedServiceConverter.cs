using System.Collections.Immutable;
using k8s.Models;
using Podnet.Core.Dns;

namespace Podnet.Kubernetes.Converters;

/// <summary>v1 Service → <see cref="NamedService"/>: any Service has names, whoever is its proxy.</summary>
public static class NamedServiceConverter
{
    public static Converted<NamedService> Convert(V1Service service)
    {
        try
        {
            return Convert(service, service.Spec ?? throw new FieldException("spec: is missing"));
        }
        catch (FieldException e)
        {
            return new(null, e.Message);
        }
    }

    private static Converted<NamedService> Convert(V1Service service, V1ServiceSpec spec)
    {
        var named = new NamedService(Fields.Name(service.Metadata, subdomain: false));
        if (spec.Type == "ExternalName")
        {
            var target = DnsName.TryParse(spec.ExternalName)
                ?? throw new FieldException($"spec.externalName: {Fields.Quote(spec.ExternalName)} is not a DNS name");
            return new(named with { ExternalName = target }, null);
        }
        // Without its cluster IP yet.
        if (string.IsNullOrEmpty(spec.ClusterIP))
            return Converted<NamedService>.Ignored;
        if (spec.ClusterIP == "None")
            return new(named, null);
        var addresses = spec.ClusterIPs is { Count: > 0 } all ? all : [spec.ClusterIP];
        return new(
            named with
            {
                ClusterIPs = [.. addresses.Select((text, i) => Fields.Address(text, $"spec.clusterIPs[{i}]"))],
                Ports = Ports(spec.Ports),
            },
            null);
    }

    private static ImmutableArray<NamedPort> Ports(IList<V1ServicePort>? ports)
    {
        var named = ImmutableArray.CreateBuilder<NamedPort>();
        for (var i = 0; i < (ports?.Count ?? 0); i++)
        {
            var field = $"spec.ports[{i}]";
            var given = Fields.Present(ports![i], field);
            if (Fields.PortName(given.Name, $"{field}.name") is { Length: > 0 } name)
                named.Add(new(name, Fields.Protocol(given.Protocol, $"{field}.protocol"), Fields.Port(given.Port, $"{field}.port")));
        }
        return named.DrainToImmutable();
    }

    internal static bool AreSame(NamedService a, NamedService b) =>
        a with { ClusterIPs = b.ClusterIPs, Ports = b.Ports } == b && a.ClusterIPs.SequenceEqual(b.ClusterIPs) && a.Ports.SequenceEqual(b.Ports);
}
