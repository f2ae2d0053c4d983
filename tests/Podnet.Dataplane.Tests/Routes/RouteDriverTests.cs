using System.Net;
using CsCheck;
using Podnet.Core.Routes;
using Podnet.Dataplane.Routes;
using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.Dataplane.Tests.Routes;

public sealed class RouteDriverTests : IDisposable
{
    private readonly Kernel _kernel = new();
    private readonly PodNetworkDriver _driver;

    public RouteDriverTests()
    {
        _driver = _kernel.In(() => new PodNetworkDriver());
        _kernel.Run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "fabric");
        _kernel.Run("ip", "link", "set", "fabric", "up");
        _kernel.Run("ip", "link", "set", "eth0", "up");
        _kernel.Run("ip", "address", "add", "10.99.0.2/24", "dev", "eth0");
        _kernel.Run("ip", "address", "add", "fd00:99::2/64", "dev", "eth0", "nodad");
    }

    public void Dispose()
    {
        _driver.Dispose();
        _kernel.Dispose();
    }

    [Fact]
    public void Routes_are_added_and_the_second_time_nothing_is_sent()
    {
        PodRoute[] wanted = [Route("10.240.0.32/27", "10.99.0.3"), Route("fd00:240:0:1::/64", "fd00:99::3")];

        var first = Apply(wanted);

        Assert.Equal(["add route 10.240.0.32/27 via 10.99.0.3", "add route fd00:240:0:1::/64 via fd00:99::3"], first.Changes);
        Assert.Empty(first.Failures);
        Assert.Equal(["10.240.0.32/27 via 10.99.0.3 dev eth0", "fd00:240:0:1::/64 via fd00:99::3 dev eth0 metric 1024 pref medium"], Shown());
        Assert.Equal(ApplyReport.Nothing, Apply(wanted));
    }

    [Fact]
    public void Only_what_is_wrong_or_orphaned_is_touched()
    {
        Apply([Route("10.240.1.0/24", "10.99.0.3"), Route("10.240.2.0/24", "10.99.0.4"), Route("10.240.3.0/24", "10.99.0.5")]);

        var report = Apply([Route("10.240.1.0/24", "10.99.0.3"), Route("10.240.2.0/24", "10.99.0.9"), Route("10.240.4.0/24", "10.99.0.6")]);

        Assert.Equal(
            ["replace route 10.240.2.0/24 via 10.99.0.9", "add route 10.240.4.0/24 via 10.99.0.6", "delete route 10.240.3.0/24 via 10.99.0.5"],
            report.Changes);
        Assert.Equal(
            ["10.240.1.0/24 via 10.99.0.3 dev eth0", "10.240.2.0/24 via 10.99.0.9 dev eth0", "10.240.4.0/24 via 10.99.0.6 dev eth0"],
            Shown());
    }

    [Theory]
    [InlineData("10.240.0.32/27 via 10.99.0.9 proto 80 metric 7")]
    [InlineData("10.240.0.32/27 via 10.99.0.9 proto 80")]
    [InlineData("10.240.0.32/27 via 10.99.0.3 proto 80 mtu 1000")]
    [InlineData("10.240.0.32/27 via 10.99.0.3 proto 80 src 10.99.0.2")]
    public void A_route_of_ours_that_somebody_changed_is_put_right(string changed)
    {
        _kernel.Run("ip", ["route", "add", .. changed.Split(' ')]);

        Apply([Route("10.240.0.32/27", "10.99.0.3")]);

        Assert.Equal(["10.240.0.32/27 via 10.99.0.3 dev eth0"], Shown());
    }

    [Fact]
    public void The_CNI_plugins_routes_to_pods_and_everybody_elses_stay()
    {
        _kernel.Run("ip", "route", "add", "10.240.0.28", "dev", "eth0", "proto", "80");
        _kernel.Run("ip", "route", "add", "10.50.0.0/16", "via", "10.99.0.7");
        _kernel.Run("ip", "route", "add", "10.51.0.0/16", "via", "10.99.0.7", "proto", "80", "table", "100");

        Assert.Equal(ApplyReport.Nothing, _kernel.In(_driver.Cleanup));

        Assert.Equal(["10.240.0.28 dev eth0 scope link"], Shown());
        Assert.Contains("10.50.0.0/16 via 10.99.0.7", _kernel.Run("ip", "route", "show"), StringComparison.Ordinal);
        Assert.Contains("10.51.0.0/16 via 10.99.0.7", _kernel.Run("ip", "route", "show", "table", "100"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_foreign_route_in_the_way_is_reported_and_left_alone()
    {
        _kernel.Run("ip", "route", "add", "10.240.0.32/27", "via", "10.99.0.7");

        var report = Apply([Route("10.240.0.32/27", "10.99.0.3"), Route("10.240.0.64/27", "10.99.0.4")]);

        var failure = Assert.Single(report.Failures);
        Assert.Equal((Errno.Exists, "add route 10.240.0.32/27 via 10.99.0.3"), (failure.Errno, failure.Operation));
        Assert.Contains("10.240.0.32/27 via 10.99.0.7", _kernel.Run("ip", "route", "show"), StringComparison.Ordinal);
    }

    [Fact]
    public void One_route_that_fails_does_not_stop_the_others()
    {
        var report = Apply([Route("10.240.1.0/24", "192.0.2.1"), Route("10.240.2.0/24", "10.99.0.4"), Route("10.240.3.0/24", "192.0.2.2")]);

        Assert.Equal(["add route 10.240.2.0/24 via 10.99.0.4"], report.Changes);
        Assert.Equal([Errno.NetworkUnreachable, Errno.NetworkUnreachable], report.Failures.Select(f => f.Errno));
        Assert.Equal(["10.240.2.0/24 via 10.99.0.4 dev eth0"], Shown());
    }

    [Fact]
    public void Whatever_was_there_the_result_is_what_is_wanted_and_stays()
    {
        var routes = Gen.Select(Gen.Int[0, 9], Gen.Int[3, 6]).Array[0, 10]
            .Select(all => all.DistinctBy(r => r.Item1).Select(r => Route($"10.240.{r.Item1}.0/24", $"10.99.0.{r.Item2}")).ToArray());
        routes.Sample(
            wanted =>
            {
                Assert.Empty(Apply(wanted).Failures);
                Assert.Equal(wanted.Select(r => $"{r.Destination} via {r.Gateway} dev eth0").Order(StringComparer.Ordinal), Shown());
                Assert.Equal(ApplyReport.Nothing, Apply(wanted));
            },
            iter: 30,
            threads: 1);
        Assert.Empty(_kernel.In(_driver.Cleanup).Failures);
        Assert.Empty(Shown());
    }

    private ApplyReport Apply(IEnumerable<PodRoute> wanted) => _kernel.In(() => _driver.Apply(new PodNetwork([.. wanted], null, [], 1500)));

    /// <summary>What <c>ip</c> shows of protocol 80 in the main table, IPv4 then IPv6.</summary>
    private List<string> Shown() =>
    [
        .. Lines(_kernel.Run("ip", "-4", "route", "show", "proto", "80")).Order(StringComparer.Ordinal),
        .. Lines(_kernel.Run("ip", "-6", "route", "show", "proto", "80")).Order(StringComparer.Ordinal),
    ];

    private static IEnumerable<string> Lines(string text) =>
        text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static PodRoute Route(string destination, string gateway) => new(IPNetwork.Parse(destination), IPAddress.Parse(gateway), "node");
}
