using System.Collections.Immutable;
using System.Net;
using k8s.Models;
using Podnet.Core.Model;

namespace Podnet.Kubernetes.Converters;

/// <summary>v1 Service → <see cref="Service"/>, by the rules of kube-proxy (pkg/proxy/serviceport.go, pkg/proxy/util).</summary>
public static class ServiceConverter
{
    /// <summary>core/v1 DefaultClientIPServiceAffinitySeconds.</summary>
    private const int DefaultAffinitySeconds = 10800;

    /// <summary>Kubernetes' validation: MaxServiceAffinityTimeout.</summary>
    private const int LongestAffinitySeconds = 86400;

    public static Converted<Service> Convert(V1Service service)
    {
        if (ProxyLabels.IsOfAnotherProxy(service.Metadata))
            return Converted<Service>.Ignored;
        try
        {
            return Convert(service, service.Spec ?? throw new FieldException("spec: is missing"));
        }
        catch (FieldException e)
        {
            return new(null, e.Message);
        }
    }

    private static Converted<Service> Convert(V1Service service, V1ServiceSpec spec)
    {
        // Headless, or without its cluster IP yet: there is nothing to catch.
        if (spec.Type == "ExternalName" || spec.ClusterIP is null or "" or "None")
            return Converted<Service>.Ignored;
        var type = Type(spec.Type);
        var externalIPs = Addresses(spec.ExternalIPs, "spec.externalIPs");
        var external = type != ServiceType.ClusterIP || externalIPs.Length > 0
            ? Fields.Policy(spec.ExternalTrafficPolicy, "spec.externalTrafficPolicy")
            : TrafficPolicy.Cluster;
        var converted = new Service(Fields.Name(service.Metadata, subdomain: false))
        {
            Type = type,
            ClusterIPs = ClusterIPs(spec),
            Ports = Ports(spec.Ports),
            ExternalIPs = externalIPs,
            LoadBalancerIPs = LoadBalancerIPs(service.Status?.LoadBalancer?.Ingress),
            LoadBalancerSourceRanges = [.. (spec.LoadBalancerSourceRanges ?? []).Select((text, i) =>
                Fields.Network(text, $"spec.loadBalancerSourceRanges[{i}]"))],
            InternalTrafficPolicy = Fields.Policy(spec.InternalTrafficPolicy, "spec.internalTrafficPolicy"),
            ExternalTrafficPolicy = external,
            SessionAffinityTimeout = Affinity(spec),
            HealthCheckNodePort = type == ServiceType.LoadBalancer && external == TrafficPolicy.Local
                ? Fields.PortOrNone(spec.HealthCheckNodePort, "spec.healthCheckNodePort")
                : (ushort)0,
        };
        return new(converted, null);
    }

    private static ServiceType Type(string? text) => text switch
    {
        null or "" or "ClusterIP" => ServiceType.ClusterIP,
        "NodePort" => ServiceType.NodePort,
        "LoadBalancer" => ServiceType.LoadBalancer,
        _ => throw new FieldException($"spec.type: {Fields.Quote(text)} is not ClusterIP, NodePort, LoadBalancer or ExternalName"),
    };

    private static ImmutableArray<IPAddress> ClusterIPs(V1ServiceSpec spec)
    {
        if (spec.ClusterIPs is not { Count: > 0 } texts)
            return [Fields.Address(spec.ClusterIP, "spec.clusterIP")];
        if (texts[0] != spec.ClusterIP)
            throw new FieldException($"spec.clusterIPs[0]: {Fields.Quote(texts[0])} is not spec.clusterIP {Fields.Quote(spec.ClusterIP)}");
        var addresses = Addresses(texts, "spec.clusterIPs");
        Fields.OnePerFamily(addresses, "spec.clusterIPs");
        for (var i = 0; i < addresses.Length && i < (spec.IpFamilies?.Count ?? 0); i++)
        {
            if (spec.IpFamilies![i] != Fields.FamilyName(addresses[i].AddressFamily))
                throw new FieldException($"spec.clusterIPs[{i}]: {addresses[i]} is not {Fields.Quote(spec.IpFamilies[i])}, as spec.ipFamilies says");
        }
        return addresses;
    }

    private static ImmutableArray<ServicePort> Ports(IList<V1ServicePort>? ports)
    {
        if (ports is not { Count: > 0 })
            throw new FieldException("spec.ports: is empty");
        var converted = ImmutableArray.CreateBuilder<ServicePort>(ports.Count);
        HashSet<string> names = [];
        HashSet<(Protocol, ushort)> numbers = [];
        for (var i = 0; i < ports.Count; i++)
        {
            var field = $"spec.ports[{i}]";
            var given = Fields.Present(ports[i], field);
            var port = new ServicePort(
                Fields.PortName(given.Name, $"{field}.name"), Fields.Protocol(given.Protocol, $"{field}.protocol"),
                Fields.Port(given.Port, $"{field}.port"), Fields.PortOrNone(given.NodePort, $"{field}.nodePort"));
            if (!names.Add(port.Name))
                throw new FieldException($"{field}.name: {Fields.Quote(port.Name)} is there twice");
            if (!numbers.Add((port.Protocol, port.Port)))
                throw new FieldException($"{field}.port: {port.Port} is there twice");
            converted.Add(port);
        }
        return converted.MoveToImmutable();
    }

    /// <summary>Addresses of mode Proxy lead to a real load balancer: traffic to them must leave the node (KEP-1860).</summary>
    private static ImmutableArray<IPAddress> LoadBalancerIPs(IList<V1LoadBalancerIngress>? ingress)
    {
        var addresses = ImmutableArray.CreateBuilder<IPAddress>();
        for (var i = 0; i < (ingress?.Count ?? 0); i++)
        {
            var field = $"status.loadBalancer.ingress[{i}]";
            var given = Fields.Present(ingress![i], field);
            if (given.IpMode is not (null or "VIP" or "Proxy"))
                throw new FieldException($"{field}.ipMode: {Fields.Quote(given.IpMode)} is not VIP or Proxy");
            if (!string.IsNullOrEmpty(given.Ip) && given.IpMode != "Proxy")
                addresses.Add(Fields.Address(given.Ip, $"{field}.ip"));
        }
        return addresses.DrainToImmutable();
    }

    private static TimeSpan? Affinity(V1ServiceSpec spec)
    {
        if (spec.SessionAffinity is null or "" or "None")
            return null;
        if (spec.SessionAffinity != "ClientIP")
            throw new FieldException($"spec.sessionAffinity: {Fields.Quote(spec.SessionAffinity)} is not None or ClientIP");
        var seconds = spec.SessionAffinityConfig?.ClientIP?.TimeoutSeconds ?? DefaultAffinitySeconds;
        return seconds is >= 1 and <= LongestAffinitySeconds
            ? TimeSpan.FromSeconds(seconds)
            : throw new FieldException($"spec.sessionAffinityConfig.clientIP.timeoutSeconds: {seconds} is not 1 to {LongestAffinitySeconds}");
    }

    private static ImmutableArray<IPAddress> Addresses(IList<string>? texts, string field) =>
        [.. (texts ?? []).Select((text, i) => Fields.Address(text, $"{field}[{i}]"))];
}
