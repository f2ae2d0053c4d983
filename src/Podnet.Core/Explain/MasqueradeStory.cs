using System.Collections.Immutable;
using Podnet.Core.Model;
using Podnet.Core.Rules;

namespace Podnet.Core.Explain;

/// <summary>Which connections get the node's address as their source, and why.</summary>
internal static class MasqueradeStory
{
    internal const string Why = "the endpoint may be on another node, and its reply must come back through this one";

    public static ImmutableArray<MasqueradeExplanation> Tell(IptablesRuleset ruleset, string chain)
    {
        var told = ImmutableArray.CreateBuilder<MasqueradeExplanation>();
        foreach (var rule in ruleset.RulesOf(IptablesTables.Nat, chain).Where(Marks))
            told.Add(new MasqueradeExplanation(ServiceExplainer.Cite(IptablesTables.Nat, chain, rule), ReasonFor(rule)));
        var endpoints = ruleset.RulesOf(IptablesTables.Nat, chain).Select(r => r.JumpsTo).OfType<string>().Distinct();
        foreach (var endpoint in endpoints)
        {
            foreach (var rule in ruleset.RulesOf(IptablesTables.Nat, endpoint).Where(r => Marks(r) && r.Source is not null))
            {
                told.Add(new MasqueradeExplanation(
                    ServiceExplainer.Cite(IptablesTables.Nat, endpoint, rule),
                    $"pod {AddressText.Of(rule.Source!.Network.BaseAddress)} that reaches itself through the Service: with its own address as the "
                    + "client's it would answer itself directly, past the translation"));
            }
        }

        foreach (var rule in ruleset.RulesOf(IptablesTables.Nat, KubeChains.PostRouting).Where(r => IsMasquerade(r.Target)))
        {
            told.Add(new MasqueradeExplanation(
                ServiceExplainer.Cite(IptablesTables.Nat, KubeChains.PostRouting, rule),
                "all that was marked above, of every Service: here the source becomes the node's address"));
        }

        return told.ToImmutable();
    }

    private static bool Marks(IptablesRule rule) => rule.JumpsTo == KubeChains.MarkMasquerade;

    // An older iptables writes it without --random-fully.
    private static bool IsMasquerade(RuleTarget? target) => target is MasqueradeTarget or JumpTarget { Chain: "MASQUERADE" };

    private static string ReasonFor(IptablesRule rule)
    {
        if (rule.Source is { Inverted: true } source)
            return $"clients outside {AddressText.Of(source.Network)}, which are not pods: {Why}";
        if (rule.In is { Inverted: true } link)
            return $"clients that did not come in by {link.Name}, which are not pods: {Why}";
        return $"all clients: {Why}";
    }
}
