using System.Globalization;
using Podnet.Core.Model;

namespace Podnet.Core.Rules;

/// <summary>From "-m module options" to the match, for the options that Podnet itself writes; others stay words.</summary>
internal static class MatchReader
{
    public static RuleMatch Read(List<string> words, IPFamily family) =>
        Known(words, family) ?? new OtherMatch(words.Count > 1 ? words[1] : "", RuleWords.Join(words.Skip(2)));

    private static RuleMatch? Known(List<string> words, IPFamily family) => words switch
    {
        [_, "comment", "--comment", var text] => new CommentMatch(text),
        [_, "tcp" or "udp" or "sctp"] => new PortMatch(RuleWords.ProtocolOf(words[1])!.Value),
        [_, "tcp" or "udp" or "sctp", "--dport", var port] when ushort.TryParse(port, NumberStyles.None, null, out var number) =>
            new PortMatch(RuleWords.ProtocolOf(words[1])!.Value, number),
        [_, "conntrack", "--ctstate", var states] => new ConntrackStateMatch(states),
        [_, "conntrack", "!", "--ctstate", var states] => new ConntrackStateMatch(states, Inverted: true),
        [_, "mark", "--mark", var mark] => Mark(mark, inverted: false),
        [_, "mark", "!", "--mark", var mark] => Mark(mark, inverted: true),
        [_, "addrtype", "--src-type", "LOCAL"] => new LocalAddressMatch(OfSource: true),
        [_, "addrtype", "--dst-type", "LOCAL"] => new LocalAddressMatch(OfSource: false),
        [_, "statistic", "--mode", "random", "--probability", var share]
            when double.TryParse(share, NumberStyles.AllowDecimalPoint, null, out var probability) => ProbabilityMatch.Of(probability),
        [_, "nfacct", "--nfacct-name", var name] => new NfacctMatch(name),
        [_, "recent", ..] => Recent(words, family),
        _ => null,
    };

    private static MarkMatch? Mark(string word, bool inverted) =>
        HexPair.TryRead(word, out var value, out var mask) ? new MarkMatch(value, mask, inverted) : null;

    private static RecentMatch? Recent(List<string> words, IPFamily family)
    {
        var mask = RecentMatch.MaskOf(family);
        return words switch
        {
            [_, _, "--set", "--name", var list, "--mask", var m, "--rsource"] when m == mask =>
                new RecentMatch(family, list, null),
            [_, _, "--rcheck", "--seconds", var seconds, "--reap", "--name", var list, "--mask", var m, "--rsource"]
                when m == mask && int.TryParse(seconds, NumberStyles.None, null, out var number) =>
                new RecentMatch(family, list, number),
            _ => null,
        };
    }
}

/// <summary>"0x4000/0xffff"; without a mask, all bits.</summary>
internal static class HexPair
{
    public static bool TryRead(string word, out uint value, out uint mask)
    {
        var slash = word.IndexOf('/', StringComparison.Ordinal);
        mask = uint.MaxValue;
        return TryReadHex(slash < 0 ? word : word.AsSpan(0, slash), out value)
            && (slash < 0 || TryReadHex(word.AsSpan(slash + 1), out mask));
    }

    private static bool TryReadHex(ReadOnlySpan<char> word, out uint value)
    {
        value = 0;
        return word.StartsWith("0x") && uint.TryParse(word[2..], NumberStyles.AllowHexSpecifier, null, out value);
    }
}
