using CsCheck;
using Podnet.Core.Model;
using Podnet.Dataplane.Nftables;
using Podnet.Fixtures;
using Podnet.Testing;

namespace Podnet.Dataplane.Tests.Nftables;

public sealed class ServiceTableDriverTests : IDisposable
{
    private readonly Kernel _kernel = new();
    private readonly Dictionary<IPFamily, ServiceTableDriver> _drivers;

    public ServiceTableDriverTests() => _drivers = ((IPFamily[])[IPFamily.V4, IPFamily.V6])
        .ToDictionary(family => family, family => _kernel.In(() => new ServiceTableDriver(family)));

    public static TheoryData<string, IPFamily> Fixtures { get; } =
        [.. RuleFixture.Names.SelectMany(name => new (string, IPFamily)[] { (name, IPFamily.V4), (name, IPFamily.V6) })];

    public void Dispose()
    {
        foreach (var driver in _drivers.Values)
            driver.Dispose();
        _kernel.Dispose();
    }

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void The_kernel_has_what_nft_makes_of_the_printed_plan(string fixture, IPFamily family)
    {
        var table = RuleFixture.Read(fixture).State.Table(family);

        var plan = _drivers[family].Apply(table);

        using var other = new Kernel();
        Load(other, WithoutSessionRules(plan.ToString()));
        Assert.Equal(List(other), WithoutSessionRules(List(_kernel)));
    }

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void The_second_time_nothing_is_sent(string fixture, IPFamily family)
    {
        var table = RuleFixture.Read(fixture).State.Table(family);
        _drivers[family].Apply(table);

        Assert.Equal("", _drivers[family].Apply(table).ToString());
    }

    [Fact]
    public void Session_rules_are_readable()
    {
        _drivers[IPFamily.V4].Apply(RuleFixture.Read("08-session-affinity").State.Table(IPFamily.V4));

        var list = List(_kernel);

        Assert.Contains(
            "update @sessions { ip saddr . ct original ip daddr . meta l4proto . ct original proto-dst timeout 10m : ip daddr . th dport }",
            list, StringComparison.Ordinal);
        Assert.Contains("ct original ip daddr . meta l4proto . ct original proto-dst vmap @session-services", list, StringComparison.Ordinal);
    }

    private static string List(Kernel kernel) => kernel.Run("nft", "-s", "list", "ruleset");

    /// <summary>nft shows them, but cannot read them.</summary>
    private static string WithoutSessionRules(string text) =>
        string.Join('\n', text.Split('\n').Where(line => !line.Contains("ct original", StringComparison.Ordinal)));

    private static void Load(Kernel kernel, string text)
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, text);
        kernel.Run("nft", "-f", file);
        File.Delete(file);
    }
}
