using System.Collections.Immutable;
using System.Globalization;
using Podnet.Core.Model;

namespace Podnet.Core.Rules;

/// <summary>
/// Reads what iptables-save prints, with or without counters. Rules of others, with modules that Podnet does not know, are read
/// too: they keep their words.
/// </summary>
public static class IptablesParser
{
    /// <exception cref="FormatException">The text is not iptables-save's; the message has the line.</exception>
    public static IptablesRuleset Parse(string text, IPFamily family)
    {
        var tables = new List<IptablesTable>();
        TableReader? table = null;
        var number = 0;
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            number++;
            if (line.IsWhiteSpace() || line[0] == '#')
                continue;
            if (line[0] == '*')
            {
                table = new TableReader(line[1..].Trim().ToString(), family);
            }
            else if (table is null)
            {
                throw Unexpected(number, line);
            }
            else if (line.Trim() is "COMMIT")
            {
                tables.Add(table.Finish());
                table = null;
            }
            else if (!table.TryRead(line))
            {
                throw Unexpected(number, line);
            }
        }

        return table is null
            ? new IptablesRuleset(family, [.. tables])
            : throw new FormatException($"iptables-save: the text ends inside table {table.Name}");
    }

    /// <summary>What "iptables -v -S CHAIN" prints of one chain: "-P CHAIN POLICY" or "-N CHAIN", then its rules, with "-c packets bytes" in each.</summary>
    /// <exception cref="FormatException">It is something else; the message has the line.</exception>
    public static IptablesChain ParseChain(string text, string chain, IPFamily family)
    {
        string? policy = null;
        var rules = ImmutableArray.CreateBuilder<IptablesRule>();
        var number = 0;
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            number++;
            if (line.IsWhiteSpace())
                continue;
            var words = RuleWords.Split(line);
            if (words.Count < 2 || words[1] != chain)
                throw Unexpected(number, line);
            if (words[0] == "-P" && words.Count > 2)
                policy = words[2];
            else if (words[0] == "-A" && TakeCounters(words) is var counters)
                rules.Add(RuleReader.Read(words[1..], family, counters));
            else if (words[0] != "-N")
                throw Unexpected(number, line);
        }

        return new IptablesChain(chain, policy, rules.ToImmutable());
    }

    private static FormatException Unexpected(int number, ReadOnlySpan<char> line) =>
        new($"iptables-save, line {number}: not a chain or a rule: {line}");

    private static RuleCounters? TakeCounters(List<string> words)
    {
        for (var i = 2; i + 2 < words.Count; i++)
        {
            if (words[i] != "-c" || !ulong.TryParse(words[i + 1], NumberStyles.None, null, out var packets)
                || !ulong.TryParse(words[i + 2], NumberStyles.None, null, out var bytes))
            {
                continue;
            }
            words.RemoveRange(i, 3);
            return new RuleCounters(packets, bytes);
        }
        return null;
    }

    private sealed class TableReader(string name, IPFamily family)
    {
        private readonly Dictionary<string, (string? Policy, RuleCounters Counters, List<IptablesRule> Rules)> _chains =
            new(StringComparer.Ordinal);

        public string Name => name;

        public IptablesTable Finish() => new(name, _chains.ToDictionary(
            c => c.Key,
            c => new IptablesChain(c.Key, c.Value.Policy, [.. c.Value.Rules]) { Counters = c.Value.Counters },
            StringComparer.Ordinal));

        public bool TryRead(ReadOnlySpan<char> line) => line[0] == ':' ? TryReadChain(line[1..]) : TryReadRule(line);

        /// <summary>":NAME POLICY [packets:bytes]", the policy "-" for a chain that is not built in.</summary>
        private bool TryReadChain(ReadOnlySpan<char> line)
        {
            var words = RuleWords.Split(line);
            if (words.Count < 2)
                return false;
            var counters = words.Count > 2 && TryReadCounters(words[2], out var read) ? read : default;
            _chains[words[0]] = (words[1] == "-" ? null : words[1], counters, []);
            return true;
        }

        /// <summary>"[packets:bytes] -A CHAIN rule".</summary>
        private bool TryReadRule(ReadOnlySpan<char> line)
        {
            RuleCounters? counters = null;
            if (line[0] == '[')
            {
                var end = line.IndexOf(' ');
                if (end < 0 || !TryReadCounters(line[..end], out var read))
                    return false;
                counters = read;
                line = line[(end + 1)..];
            }

            if (!line.StartsWith("-A "))
                return false;
            var words = RuleWords.Split(line[3..]);
            if (words.Count == 0 || !_chains.TryGetValue(words[0], out var chain))
                return false;
            chain.Rules.Add(RuleReader.Read(words, family, counters));
            return true;
        }

        private static bool TryReadCounters(ReadOnlySpan<char> word, out RuleCounters counters)
        {
            counters = default;
            var colon = word.IndexOf(':');
            if (word.Length < 5 || word[0] != '[' || word[^1] != ']' || colon < 0
                || !ulong.TryParse(word[1..colon], NumberStyles.None, null, out var packets)
                || !ulong.TryParse(word[(colon + 1)..^1], NumberStyles.None, null, out var bytes))
            {
                return false;
            }

            counters = new RuleCounters(packets, bytes);
            return true;
        }
    }
}
