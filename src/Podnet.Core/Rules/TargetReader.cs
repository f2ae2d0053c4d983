using System.Net;
using Podnet.Core.Model;

namespace Podnet.Core.Rules;

/// <summary>From "-j TARGET options" to the target, for those that Podnet itself writes; others stay words.</summary>
internal static class TargetReader
{
    public static RuleTarget Read(List<string> words, IPFamily family) => words switch
    {
        ["-j", "ACCEPT"] => RuleTarget.Accept,
        ["-j", "DROP"] => RuleTarget.Drop,
        ["-j", "RETURN"] => RuleTarget.Return,
        ["-j", "REJECT", "--reject-with", var reason] when reason == RejectTarget.ReasonOf(family) => new RejectTarget(family),
        ["-j", "DNAT", "--to-destination", var to] when TryReadEndPoint(to, out var endpoint) => endpoint,
        ["-j", "MASQUERADE", "--random-fully"] => new MasqueradeTarget(),
        ["-j", "MARK", "--set-xmark", var pair] when HexPair.TryRead(pair, out var value, out var mask) => new MarkTarget(value, mask),
        // Targets that take no options look the same as jumps; nothing depends on telling them apart.
        ["-j", var chain] => new JumpTarget(chain),
        _ => new OtherTarget(RuleWords.Join(words)),
    };

    private static bool TryReadEndPoint(string word, out DnatTarget endpoint)
    {
        endpoint = null!;
        // Without a port, or with a range: not ours.
        if (!IPEndPoint.TryParse(word, out var read) || read.Port == 0)
            return false;
        endpoint = new DnatTarget(read.Address, (ushort)read.Port);
        return true;
    }
}
