using System.Text;

namespace Podnet.Core.Rules;

/// <summary>A ruleset as iptables-save prints it; iptables-restore reads the same.</summary>
public static class IptablesText
{
    /// <param name="counters">As with iptables-save -c; without, as iptables-restore takes for zero.</param>
    public static string Save(IptablesRuleset ruleset, bool counters = false)
    {
        var text = new StringBuilder();
        foreach (var table in ruleset.Tables)
        {
            text.Append($"*{table.Name}\n");
            var chains = table.InOrder().ToList();
            foreach (var chain in chains)
            {
                var count = counters ? chain.Counters : default;
                text.Append($":{chain.Name} {chain.Policy ?? "-"} [{count.Packets}:{count.Bytes}]\n");
            }

            foreach (var chain in chains)
            {
                foreach (var rule in chain.Rules)
                    text.Append(counters ? CountersOf(rule) : "").Append(Append(chain.Name, rule)).Append('\n');
            }

            text.Append("COMMIT\n");
        }

        return text.ToString();
    }

    /// <summary>"-A CHAIN rule", as a person would quote it.</summary>
    public static string Append(string chain, IptablesRule rule) => $"-A {chain}{rule.Text}";

    private static string CountersOf(IptablesRule rule)
    {
        var count = rule.Counters ?? default;
        return $"[{count.Packets}:{count.Bytes}] ";
    }
}
