using System.Net;
using Podnet.Core.Dns;
using Podnet.Core.Model;

namespace Podnet.Core.Tests.Dns;

/// <summary>Objects with names, in few words.</summary>
internal static class Names
{
    public static Zone Zone(params NamedService[] services)
    {
        var zone = new Zone(DnsName.Parse("cluster.local"));
        zone.PutNamespace("default", isThere: true);
        foreach (var service in services)
            zone.Put(service.Name, service);
        return zone;
    }

    public static NamedService Service(string name, params string[] addresses) =>
        new(new ObjectName("default", name)) { ClusterIPs = [.. addresses.Select(IPAddress.Parse)], Ports = [new("http", Protocol.Tcp, 80)] };

    public static NamedService Headless(string name) => new(new ObjectName("default", name));

    public static NamedService External(string name, string target) => new(new ObjectName("default", name)) { ExternalName = DnsName.Parse(target) };

    /// <param name="endpoints">"10.240.0.1" or "10.240.0.1=web-0".</param>
    public static NamedEndpoints Endpoints(string service, string slice, params string[] endpoints) => new(new("default", slice), new("default", service))
    {
        Endpoints = [.. endpoints.Select(text => text.Split('=')).Select(parts => new NamedEndpoint(IPAddress.Parse(parts[0]), parts.Length > 1 ? parts[1] : null))],
        Ports = [new("http", Protocol.Tcp, 8080)],
    };
}
