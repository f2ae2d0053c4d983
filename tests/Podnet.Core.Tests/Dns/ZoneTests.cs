using CsCheck;
using Podnet.Core.Dns;
using Podnet.Core.Model;
using static Podnet.Core.Tests.Dns.Names;

namespace Podnet.Core.Tests.Dns;

/// <summary>What a zone becomes as objects come and go.</summary>
public sealed class ZoneTests
{
    [Fact]
    public void A_pod_that_comes_back_at_another_address_is_found_there_in_every_answer()
    {
        var zone = Zone(Headless("db"));
        var before = Endpoints("db", "db-1", "10.240.0.1=db-0");
        var now = Endpoints("db", "db-1", "10.240.0.9=db-0");
        zone.Put(null, before);
        zone.Put(before, now);
        Assert.Equal("NOERROR aa\ndb-0.db.default.svc.cluster.local A 10.240.0.9", Dig.Ask(zone, "db-0.db.default.svc.cluster.local", RecordType.A));
        Assert.EndsWith("additional: db-0.db.default.svc.cluster.local A 10.240.0.9", Dig.Ask(zone, "_http._tcp.db.default.svc.cluster.local", RecordType.Srv), StringComparison.Ordinal);
        Assert.StartsWith("NXDOMAIN", Dig.Ask(zone, "1.0.240.10.in-addr.arpa", RecordType.Ptr), StringComparison.Ordinal);
    }

    [Fact]
    public void An_address_of_two_Services_has_both_names()
    {
        var zone = Zone(Headless("a"), Headless("b"));
        zone.Put(null, Endpoints("a", "a-1", "10.240.0.1=pod"));
        zone.Put(null, Endpoints("b", "b-1", "10.240.0.1=pod"));
        Assert.Equal(
            "NOERROR aa\n1.0.240.10.in-addr.arpa PTR pod.a.default.svc.cluster.local\n1.0.240.10.in-addr.arpa PTR pod.b.default.svc.cluster.local",
            Dig.Ask(zone, "1.0.240.10.in-addr.arpa", RecordType.Ptr));
    }

    [Fact]
    public void Clients_that_take_the_first_address_do_not_all_take_the_same()
    {
        var zone = Zone(Headless("db"));
        zone.Put(null, Endpoints("db", "db-1", "10.240.0.1", "10.240.0.2", "10.240.0.3"));
        var query = Dig.Query("db.default.svc.cluster.local", RecordType.A);
        var firsts = Enumerable.Range(0, 6).Select(turn => Dig.Read(Dig.Send(zone, query, turn: (uint)turn)).Split('\n')[1].Split(' ')[2]);
        Assert.Equal(["10.240.0.1", "10.240.0.2", "10.240.0.3", "10.240.0.1", "10.240.0.2", "10.240.0.3"], firsts);
    }

    [Fact]
    public void The_longest_names_fit_the_longest_domain()
    {
        var label = new string('a', 63);
        var domain = DnsName.Parse($"{new string('b', Podnet.Core.Dns.Zone.LongestDomain - 2)}");
        var zone = new Zone(domain);
        zone.Put(new(label, label), new NamedService(new(label, label)));
        zone.Put(null, new NamedEndpoints(new(label, "x"), new(label, label))
        {
            Endpoints = [new(System.Net.IPAddress.Parse("10.0.0.1"), label)],
            Ports = [new(new string('p', 15), Protocol.Sctp, 1)],
        });
        Assert.Equal(DnsName.Longest, domain.Below(label, label, label, "svc").Wire.Length);
        Assert.NotNull(zone.Find(domain.Below(label, label, label, "svc").Wire));
        Assert.Throws<FormatException>(() => domain.Below(label, label, label, "svc", "x"));
    }

    /// <summary>Whatever came before, the answers are those of what is there now; and nothing is left of what is gone.</summary>
    [Fact]
    public void Answers_depend_on_what_is_there_and_not_on_how_it_came()
    {
        var names = Gen.OneOf("a", "b", "c");
        var services = Gen.OneOf(
            names.Select(name => Service(name, $"10.0.0.{name[0] - 'a' + 1}")), names.Select(Headless), names.Select(name => External(name, "x.example.com")));
        var endpoint = Gen.Select(Gen.Int[1, 4], Gen.Bool).Select((host, named) => named ? $"10.240.0.{host}=pod-{host}" : $"10.240.0.{host}");
        var slices = Gen.Select(names, Gen.OneOf("s-1", "s-2"), endpoint.Array[0, 3]).Select((service, slice, all) => Endpoints(service, slice, all));
        var step = Gen.OneOf<object>(
            services.Select(each => (object)each), names.Select(name => (object)("service", name)), slices.Select(each => (object)each),
            Gen.OneOf("s-1", "s-2").Select(name => (object)("slice", name)));
        step.Array[0, 30].Sample(steps =>
        {
            var zone = Zone();
            Dictionary<ObjectName, NamedService> wanted = [];
            Dictionary<ObjectName, NamedEndpoints> endpoints = [];
            foreach (var each in steps)
            {
                switch (each)
                {
                    case NamedService service:
                        wanted[service.Name] = service;
                        zone.Put(service.Name, service);
                        break;
                    case NamedEndpoints slice:
                        zone.Put(endpoints.GetValueOrDefault(slice.Name), slice);
                        endpoints[slice.Name] = slice;
                        break;
                    case ("service", string name):
                        wanted.Remove(new("default", name));
                        zone.Put(new ObjectName("default", name), null);
                        break;
                    case ("slice", string name):
                        endpoints.Remove(new("default", name), out var gone);
                        zone.Put(gone, null);
                        break;
                }
            }
            var fresh = Zone();
            foreach (var slice in endpoints.Values)
                fresh.Put(null, slice);
            foreach (var (name, service) in wanted)
                fresh.Put(name, service);
            Assert.Equal(All(fresh), All(zone));
        });
    }

    private static string All(Zone zone)
    {
        string[] hosts = ["1", "2", "3", "4"];
        var names = from service in (string[])["a", "b", "c"]
                    from below in (string[])["", "_http._tcp.", "_tcp.", .. hosts.Select(host => $"pod-{host}."), .. hosts.Select(host => $"10-240-0-{host}.")]
                    select $"{below}{service}.default.svc.cluster.local";
        names = names.Concat(hosts.Select(host => $"{host}.0.240.10.in-addr.arpa")).Concat(hosts.Select(host => $"{host}.0.0.10.in-addr.arpa")).ToList();
        return string.Join('\n', from name in names
                                 from type in (RecordType[])[RecordType.A, RecordType.Srv, RecordType.Cname, RecordType.Ptr]
                                 select Dig.Ask(zone, name, type)) + zone.Count;
    }
}
