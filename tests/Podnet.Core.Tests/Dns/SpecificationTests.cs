using Podnet.Core.Dns;
using Podnet.Core.Model;
using static Podnet.Core.Tests.Dns.Names;

namespace Podnet.Core.Tests.Dns;

/// <summary>Kubernetes DNS-Based Service Discovery 1.1.0, section by section.</summary>
public sealed class SpecificationTests
{
    private const string No = "\nauthority: cluster.local SOA";

    private static Zone Cluster()
    {
        var zone = Zone(
            Service("web", "10.0.0.1", "fd00:10::1"), Headless("db"), Headless("empty"), External("out", "www.example.com"),
            External("in", "web.default.svc.cluster.local"), External("loop", "loop.default.svc.cluster.local"), External("gone", "nobody.default.svc.cluster.local"),
            Service("dns", "10.0.0.10") with { Ports = [new("dns", Protocol.Udp, 53), new("metrics", Protocol.Tcp, 9153)] });
        zone.Put(null, Endpoints("db", "db-1", "10.240.0.1=db-0", "10.240.0.2", "fd00:1::1=db-0"));
        zone.PutNamespace("bare", isThere: true);
        return zone;
    }

    [Theory]
    [InlineData("2.2", "dns-version.cluster.local", "Txt", "NOERROR aa\ndns-version.cluster.local TXT \"1.1.0\"")]
    [InlineData("2.3.1", "web.default.svc.cluster.local", "A", "NOERROR aa\nweb.default.svc.cluster.local A 10.0.0.1")]
    [InlineData("2.3.1", "web.default.svc.cluster.local", "Aaaa", "NOERROR aa\nweb.default.svc.cluster.local AAAA fd00:10::1")]
    [InlineData("2.3.2", "_http._tcp.web.default.svc.cluster.local", "Srv",
        "NOERROR aa\n_http._tcp.web.default.svc.cluster.local SRV 0 100 80 web.default.svc.cluster.local"
        + "\nadditional: web.default.svc.cluster.local A 10.0.0.1\nadditional: web.default.svc.cluster.local AAAA fd00:10::1")]
    [InlineData("2.3.2", "_dns._udp.dns.default.svc.cluster.local", "Srv",
        "NOERROR aa\n_dns._udp.dns.default.svc.cluster.local SRV 0 100 53 dns.default.svc.cluster.local\nadditional: dns.default.svc.cluster.local A 10.0.0.10")]
    [InlineData("2.3.3", "1.0.0.10.in-addr.arpa", "Ptr", "NOERROR aa\n1.0.0.10.in-addr.arpa PTR web.default.svc.cluster.local")]
    [InlineData("2.3.3", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.d.f.ip6.arpa", "Ptr",
        "NOERROR aa\n1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.d.f.ip6.arpa PTR web.default.svc.cluster.local")]
    [InlineData("2.4.1", "db.default.svc.cluster.local", "A",
        "NOERROR aa\ndb.default.svc.cluster.local A 10.240.0.1\ndb.default.svc.cluster.local A 10.240.0.2")]
    [InlineData("2.4.1", "db.default.svc.cluster.local", "Aaaa", "NOERROR aa\ndb.default.svc.cluster.local AAAA fd00:1::1")]
    [InlineData("2.4.1", "empty.default.svc.cluster.local", "A", "NXDOMAIN aa" + No)]
    [InlineData("2.4.1", "db-0.db.default.svc.cluster.local", "A", "NOERROR aa\ndb-0.db.default.svc.cluster.local A 10.240.0.1")]
    [InlineData("2.4.1", "10-240-0-2.db.default.svc.cluster.local", "A", "NOERROR aa\n10-240-0-2.db.default.svc.cluster.local A 10.240.0.2")]
    [InlineData("2.4.2", "_http._tcp.db.default.svc.cluster.local", "Srv",
        "NOERROR aa\n_http._tcp.db.default.svc.cluster.local SRV 0 100 8080 db-0.db.default.svc.cluster.local"
        + "\n_http._tcp.db.default.svc.cluster.local SRV 0 100 8080 10-240-0-2.db.default.svc.cluster.local"
        + "\nadditional: db-0.db.default.svc.cluster.local A 10.240.0.1\nadditional: db-0.db.default.svc.cluster.local AAAA fd00:1::1"
        + "\nadditional: 10-240-0-2.db.default.svc.cluster.local A 10.240.0.2")]
    [InlineData("2.4.3", "1.0.240.10.in-addr.arpa", "Ptr", "NOERROR aa\n1.0.240.10.in-addr.arpa PTR db-0.db.default.svc.cluster.local")]
    [InlineData("2.5", "out.default.svc.cluster.local", "Cname", "NOERROR aa\nout.default.svc.cluster.local CNAME www.example.com")]
    [InlineData("2.5", "in.default.svc.cluster.local", "A",
        "NOERROR aa\nin.default.svc.cluster.local CNAME web.default.svc.cluster.local\nweb.default.svc.cluster.local A 10.0.0.1")]
    [InlineData("2.6", "10-1-2-3.default.pod.cluster.local", "A", "NOERROR aa\n10-1-2-3.default.pod.cluster.local A 10.1.2.3")]
    [InlineData("2.6", "fd00--7.default.pod.cluster.local", "Aaaa", "NOERROR aa\nfd00--7.default.pod.cluster.local AAAA fd00::7")]
    [InlineData("2.6", "10-1-2-3.default.pod.cluster.local", "Aaaa", "NOERROR aa" + No)]
    public void The_records_are_those_of_section(string section, string name, string type, string answer) =>
        Assert.Equal((section, answer), (section, Dig.Ask(Cluster(), name, Enum.Parse<RecordType>(type))));

    [Theory]
    // A name that is there, or has others below it, is not "no such domain" (RFC 8020).
    [InlineData("web.default.svc.cluster.local", "Txt", "NOERROR")]
    [InlineData("_tcp.web.default.svc.cluster.local", "A", "NOERROR")]
    [InlineData("default.svc.cluster.local", "A", "NOERROR")]
    [InlineData("bare.svc.cluster.local", "A", "NOERROR")]
    [InlineData("svc.cluster.local", "A", "NOERROR")]
    [InlineData("cluster.local", "A", "NOERROR")]
    [InlineData("dns.default.svc.cluster.local", "Aaaa", "NOERROR")]
    [InlineData("nobody.default.svc.cluster.local", "A", "NXDOMAIN")]
    [InlineData("_https._tcp.web.default.svc.cluster.local", "Srv", "NXDOMAIN")]
    [InlineData("nowhere.svc.cluster.local", "A", "NXDOMAIN")]
    [InlineData("example.com.default.svc.cluster.local", "A", "NXDOMAIN")]
    [InlineData("10-1-2-3.nowhere.pod.cluster.local", "A", "NXDOMAIN")]
    [InlineData("10-1-2.default.pod.cluster.local", "A", "NXDOMAIN")]
    [InlineData("010-1-2-3.default.pod.cluster.local", "A", "NXDOMAIN")]
    public void What_is_not_there_is_told_from_what_has_no_such_record(string name, string type, string code) =>
        Assert.Equal($"{code} aa{No}", Dig.Ask(Cluster(), name, Enum.Parse<RecordType>(type)));

    [Theory]
    [InlineData("loop.default.svc.cluster.local", "SERVFAIL")]
    [InlineData("gone.default.svc.cluster.local", "NXDOMAIN")]
    public void An_external_name_that_leads_nowhere_says_so(string name, string code) =>
        Assert.StartsWith(code, Dig.Ask(Cluster(), name, RecordType.A), StringComparison.Ordinal);

    [Fact]
    public void Case_does_not_matter_and_comes_back_as_it_was_asked()
    {
        var query = Dig.Query("web.default.svc.cluster.local", RecordType.A, raw: "wEb.DEFAULT.svc.Cluster.LOCAL");
        Assert.Equal("NOERROR aa\nwEb.DEFAULT.svc.Cluster.LOCAL A 10.0.0.1", Dig.Read(Dig.Send(Cluster(), query)));
    }

    [Fact]
    public void Before_everything_is_known_no_name_is_said_not_to_be() =>
        Assert.Equal("SERVFAIL", Dig.Ask(Cluster(), "nobody.default.svc.cluster.local", RecordType.A, synced: false));

    [Fact]
    public void Names_elsewhere_are_not_there_unless_somebody_else_can_be_asked()
    {
        var query = Dig.Query("www.example.com", RecordType.A);
        Assert.Equal("NXDOMAIN aa", Dig.Read(Dig.Send(Cluster(), query)));
        Assert.Empty(Dig.Send(Cluster(), query, recursive: true));
        Assert.Empty(Dig.Send(Cluster(), Dig.Query("out.default.svc.cluster.local", RecordType.A), recursive: true));
        Assert.Equal("NOERROR aa\nout.default.svc.cluster.local CNAME www.example.com", Dig.Ask(Cluster(), "out.default.svc.cluster.local", RecordType.A));
    }
}
