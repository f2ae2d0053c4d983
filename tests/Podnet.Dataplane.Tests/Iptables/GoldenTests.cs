using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Rules;
using Podnet.Dataplane.Iptables;
using Podnet.Fixtures;
using Podnet.Testing;

namespace Podnet.Dataplane.Tests.Iptables;

public sealed class GoldenTests
{
    [Theory]
    [MemberData(nameof(RuleFixture.OfEachFamily), MemberType = typeof(RuleFixture))]
    public void The_kernel_has_the_rules_of_kube_proxy_and_a_second_pass_writes_nothing(string name, IPFamily family)
    {
        var fixture = RuleFixture.Read(name);
        using var kernel = new Kernel();
        var driver = new IptablesDriver(family);
        kernel.In(() => driver.Apply(fixture.Render(family)));

        var saved = kernel.Run(family == IPFamily.V4 ? "iptables-save" : "ip6tables-save");
        Assert.Equal(SavedRules.Normalize(fixture.Expected(family)!), SavedRules.Normalize(saved));
        Assert.True(kernel.In(() => driver.Apply(fixture.Render(family))).ChangedNothing);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_feature_reads_back_from_the_kernel_as_it_was_written_in_IPv6_too(string name)
    {
        var state = InIPv6(RuleFixture.Read(name).State);
        using var kernel = new Kernel();
        var driver = new IptablesDriver(IPFamily.V6);
        kernel.In(() => driver.Apply(RuleFixture.Render(state, IPFamily.V6)));
        Assert.Empty(kernel.In(() => driver.Preview(RuleFixture.Render(state, IPFamily.V6))));
        Assert.Equal(
            SavedRules.Normalize(IptablesText.Save(RuleFixture.Render(state, IPFamily.V6))),
            SavedRules.Normalize(kernel.Run("ip6tables-save")));
    }

    public static TheoryData<string> Names() => [.. RuleFixture.Names];

    private static ClusterState InIPv6(ClusterState state) => state with
    {
        Services = state.Services.ToImmutableDictionary(s => s.Key, s => s.Value with
        {
            ClusterIPs = InIPv6(s.Value.ClusterIPs),
            ExternalIPs = InIPv6(s.Value.ExternalIPs),
            LoadBalancerIPs = InIPv6(s.Value.LoadBalancerIPs),
            LoadBalancerSourceRanges = [.. s.Value.LoadBalancerSourceRanges.Select(r => new IPNetwork(InIPv6(r.BaseAddress), 96 + r.PrefixLength))],
        }),
        EndpointSlices = state.EndpointSlices.ToImmutableDictionary(s => s.Key, s => s.Value.Select(slice => slice with
        {
            Endpoints = [.. slice.Endpoints.Select(e => e with { Address = InIPv6(e.Address) })],
        }).ToImmutableArray()),
    };

    private static ImmutableArray<IPAddress> InIPv6(ImmutableArray<IPAddress> addresses) =>
        [.. addresses.Where(a => a.Family() == IPFamily.V4).Select(InIPv6)];

    private static IPAddress InIPv6(IPAddress address) =>
        address.Family() == IPFamily.V6 ? address : new IPAddress([0xfd, 0, 0x02, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, .. address.GetAddressBytes()]);
}
