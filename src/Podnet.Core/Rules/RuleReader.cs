using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;

namespace Podnet.Core.Rules;

/// <summary>From the words of one rule to the rule. What it does not know it keeps as words, so nothing is ever lost.</summary>
internal static class RuleReader
{
    /// <param name="words">The chain, then the rule.</param>
    public static IptablesRule Read(List<string> words, IPFamily family, RuleCounters? counters)
    {
        var header = new Header();
        var matches = ImmutableArray.CreateBuilder<RuleMatch>();
        RuleTarget? target = null;
        var i = 1;
        while (i < words.Count)
        {
            if (words[i] is "-j" or "-g")
            {
                target = TargetReader.Read(words.GetRange(i, words.Count - i), family);
                break;
            }

            var end = EndOfOption(words, i);
            var option = words.GetRange(i, end - i);
            if (option[0] == "-m")
                matches.Add(MatchReader.Read(option, family));
            else if (!header.TryTake(option))
                matches.Add(new OtherMatch(null, RuleWords.Join(option)));
            i = end;
        }

        return new IptablesRule
        {
            Source = header.Source,
            Destination = header.Destination,
            In = header.In,
            Out = header.Out,
            Protocol = header.Protocol,
            Matches = matches.ToImmutable(),
            Target = target,
            Counters = counters,
        };
    }

    /// <summary>A module's options reach to the next module or target; any other option to the next option.</summary>
    private static int EndOfOption(List<string> words, int start)
    {
        var module = words[start] == "-m";
        var end = words[start] == "!" ? start + 2 : start + 1;
        while (end < words.Count && words[end] is not ("-m" or "-j" or "-g"))
        {
            if (!module && (words[end] == "!" || words[end].StartsWith('-')))
                break;
            end++;
        }

        return Math.Min(end, words.Count);
    }

    private sealed class Header
    {
        public AddressMatch? Source { get; private set; }

        public AddressMatch? Destination { get; private set; }

        public InterfaceMatch? In { get; private set; }

        public InterfaceMatch? Out { get; private set; }

        public ProtocolMatch? Protocol { get; private set; }

        public bool TryTake(List<string> option)
        {
            var inverted = option[0] == "!";
            var words = inverted ? option.GetRange(1, option.Count - 1) : option;
            if (words.Count != 2)
                return false;
            switch (words[0])
            {
                case "-s" when TryReadNetwork(words[1], out var network):
                    Source = new AddressMatch(network, inverted);
                    return true;
                case "-d" when TryReadNetwork(words[1], out var network):
                    Destination = new AddressMatch(network, inverted);
                    return true;
                case "-i":
                    In = new InterfaceMatch(words[1], inverted);
                    return true;
                case "-o":
                    Out = new InterfaceMatch(words[1], inverted);
                    return true;
                case "-p":
                    Protocol = new ProtocolMatch(words[1], inverted);
                    return true;
                default:
                    return false;
            }
        }

        private static bool TryReadNetwork(string word, out IPNetwork network)
        {
            if (word.Contains('/', StringComparison.Ordinal))
                return IPNetwork.TryParse(word, out network);
            var isAddress = IPAddress.TryParse(word, out var address);
            network = isAddress ? new IPNetwork(address!, address!.Family().Bits()) : default;
            return isAddress;
        }
    }
}
