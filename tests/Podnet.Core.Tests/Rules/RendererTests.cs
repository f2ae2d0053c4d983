using Podnet.Core.Model;
using Podnet.Core.Rules;
using Podnet.Fixtures;

namespace Podnet.Core.Tests.Rules;

public sealed class RendererTests
{
    [Theory]
    [MemberData(nameof(RuleFixture.OfEachFamily), MemberType = typeof(RuleFixture))]
    public void The_rules_are_those_of_kube_proxy(string name, IPFamily family)
    {
        var fixture = RuleFixture.Read(name);
        Assert.Equal(
            SavedRules.Normalize(fixture.Expected(family)!),
            SavedRules.Normalize(IptablesText.Save(fixture.Render(family))));
    }

    [Theory]
    [MemberData(nameof(RuleFixture.OfEachFamily), MemberType = typeof(RuleFixture))]
    public void What_iptables_save_prints_is_read_and_printed_again_to_the_letter(string name, IPFamily family)
    {
        var saved = RuleFixture.Read(name).Expected(family)!;
        Assert.Equal(saved, string.Join('\n', IptablesText.Save(IptablesParser.Parse(saved, family)).Split('\n').Select(l => l.Replace(" [0:0]", "", StringComparison.Ordinal))));
    }
}
