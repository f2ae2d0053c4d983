using System.Globalization;
using System.Net;
using Podnet.Core.Model;

namespace Podnet.Core.Dns;

/// <summary>
/// The records of a Service: Kubernetes DNS-Based Service Discovery 1.1.0, section 2 (github.com/kubernetes/dns, docs/specification.md).
/// </summary>
public static class ServiceRecords
{
    /// <summary>"Whose values are not prescribed by this specification." All are equal.</summary>
    private const ushort Priority = 0, Weight = 100;

    private static readonly DnsName V4Reverse = DnsName.Parse("in-addr.arpa"), V6Reverse = DnsName.Parse("ip6.arpa");

    /// <param name="zone">The cluster domain.</param>
    /// <param name="slices">Those of the Service; they matter where it is headless.</param>
    public static Dictionary<DnsName, HashSet<RecordData>> Of(DnsName zone, NamedService service, IEnumerable<NamedEndpoints> slices)
    {
        var records = new Dictionary<DnsName, HashSet<RecordData>>(DnsNameComparer.Instance);
        var name = zone.Below(service.Name.Name, service.Name.Namespace, "svc");
        // 2.5: "a CNAME record named <service>.<ns>.svc.<zone> pointing to <extname> must exist."
        if (service.ExternalName is { } external)
            Add(name, RecordData.Cname(external));
        else if (service.IsHeadless)
            AddHeadless();
        else
            AddClusterIPs();
        return records;

        void AddClusterIPs()
        {
            foreach (var address in service.ClusterIPs)
            {
                Add(name, RecordData.Of(address)); // 2.3.1
                Add(ReverseOf(address), RecordData.Ptr(name)); // 2.3.3
            }
            // 2.3.2: "Unnamed ports do not have an SRV record."
            foreach (var port in service.Ports)
                Add(name.Below(PortLabels(port)), RecordData.Srv(Priority, Weight, port.Port, name));
        }

        void AddHeadless()
        {
            foreach (var slice in slices)
            {
                foreach (var endpoint in slice.Endpoints)
                {
                    // 2.4.1: "There must also be an A record of the following form for each ready endpoint with hostname of <hostname>", which
                    // is "a unique, system-assigned identifier for the endpoint" where it has none.
                    var host = name.Below(endpoint.Hostname ?? HostnameOf(endpoint.Address));
                    Add(name, RecordData.Of(endpoint.Address));
                    Add(host, RecordData.Of(endpoint.Address));
                    Add(ReverseOf(endpoint.Address), RecordData.Ptr(host)); // 2.4.3
                    foreach (var port in slice.Ports)
                        Add(name.Below(PortLabels(port)), RecordData.Srv(Priority, Weight, port.Port, host)); // 2.4.2
                }
            }
        }

        void Add(DnsName owner, RecordData record)
        {
            if (!records.TryGetValue(owner, out var there))
                records[owner] = there = [];
            there.Add(record);
        }
    }

    /// <summary>"28.0.240.10.in-addr.arpa", or a label for each 4 bits of an IPv6 address (RFC 1035, 3.5; RFC 3596, 2.5).</summary>
    public static DnsName ReverseOf(IPAddress address)
    {
        var bytes = address.GetAddressBytes();
        return bytes.Length == 4
            ? V4Reverse.Below([.. bytes.Reverse().Select(b => b.ToString(CultureInfo.InvariantCulture))])
            : V6Reverse.Below([.. bytes.Reverse().SelectMany(b => (string[])[$"{b & 15:x}", $"{b >> 4:x}"])]);
    }

    /// <summary>"10-240-0-28" or "fd00--1c", as CoreDNS does.</summary>
    public static string HostnameOf(IPAddress address) => address.ToString().Replace(address.Family() == IPFamily.V4 ? '.' : ':', '-');

    private static string[] PortLabels(NamedPort port) => [$"_{port.Name}", port.Protocol switch
    {
        Protocol.Udp => "_udp",
        Protocol.Sctp => "_sctp",
        _ => "_tcp",
    }];
}
