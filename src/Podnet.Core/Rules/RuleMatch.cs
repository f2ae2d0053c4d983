using System.Net;
using System.Text;
using Podnet.Core.Model;

namespace Podnet.Core.Rules;

/// <summary>-s and -d: a network, possibly inverted.</summary>
public sealed record AddressMatch(IPNetwork Network, bool Inverted = false)
{
    public static AddressMatch Of(IPAddress host) => new(new IPNetwork(host, host.Family().Bits()));

    /// <summary>True of every packet: iptables-save does not print it.</summary>
    internal bool IsEverything => Network.PrefixLength == 0 && !Inverted;
}

/// <summary>-i and -o; a name that ends in "+" is a prefix.</summary>
public sealed record InterfaceMatch(string Name, bool Inverted = false);

/// <summary>-p, by name or number.</summary>
public sealed record ProtocolMatch(string Name, bool Inverted = false);

/// <summary>One "-m module options" of a rule, see iptables-extensions(8). Printed exactly as iptables-save does.</summary>
public abstract record RuleMatch
{
    internal abstract void Print(StringBuilder text);

    private protected static string Not(bool inverted) => inverted ? " !" : "";
}

public sealed record CommentMatch(string Comment) : RuleMatch
{
    internal override void Print(StringBuilder text) => text.Append($" -m comment --comment {RuleWords.Quote(Comment)}");
}

/// <summary>-m tcp, udp or sctp; without a port it only names the protocol, as DNAT with a port wants it.</summary>
public sealed record PortMatch(Protocol Protocol, ushort? DestinationPort = null) : RuleMatch
{
    internal override void Print(StringBuilder text)
    {
        text.Append($" -m {RuleWords.Of(Protocol)}");
        if (DestinationPort is { } port)
            text.Append($" --dport {port}");
    }
}

/// <param name="States">As iptables writes them: "RELATED,ESTABLISHED".</param>
public sealed record ConntrackStateMatch(string States, bool Inverted = false) : RuleMatch
{
    internal override void Print(StringBuilder text) => text.Append($" -m conntrack{Not(Inverted)} --ctstate {States}");
}

public sealed record MarkMatch(uint Value, uint Mask, bool Inverted = false) : RuleMatch
{
    internal override void Print(StringBuilder text) => text.Append($" -m mark{Not(Inverted)} --mark 0x{Value:x}/0x{Mask:x}");
}

/// <summary>-m addrtype with LOCAL: the address is one of this node's own.</summary>
public sealed record LocalAddressMatch(bool OfSource) : RuleMatch
{
    internal override void Print(StringBuilder text) => text.Append($" -m addrtype --{(OfSource ? "src" : "dst")}-type LOCAL");
}

/// <summary>-m statistic --mode random.</summary>
/// <param name="Share">In units of 2^-31, as the kernel keeps it (linux/netfilter/xt_statistic.h).</param>
public sealed record ProbabilityMatch(uint Share) : RuleMatch
{
    private const double Whole = 0x80000000;

    public double Probability => Share / Whole;

    /// <summary>One in so many. kube-proxy writes the quotient with ten decimals, so that is what is rounded.</summary>
    public static ProbabilityMatch OneIn(int count) => Of(Math.Round(1.0 / count, 10));

    public static ProbabilityMatch Of(double probability) =>
        new((uint)Math.Round(probability * Whole, MidpointRounding.AwayFromZero));

    internal override void Print(StringBuilder text) =>
        text.Append($" -m statistic --mode random --probability {Probability:F11}");
}

/// <summary>-m recent, by source address: --set remembers a client, --rcheck finds it again and forgets what is too old.</summary>
/// <param name="List">Name of the list; here that of the endpoint's chain.</param>
/// <param name="CheckSeconds">Null for --set.</param>
public sealed record RecentMatch(IPFamily Family, string List, int? CheckSeconds) : RuleMatch
{
    internal override void Print(StringBuilder text)
    {
        text.Append(" -m recent ");
        text.Append(CheckSeconds is { } seconds ? $"--rcheck --seconds {seconds} --reap" : "--set");
        text.Append($" --name {List} --mask {MaskOf(Family)} --rsource");
    }

    internal static string MaskOf(IPFamily family) =>
        family == IPFamily.V4 ? "255.255.255.255" : "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
}

/// <summary>Counts in an accounting object of the kernel, which must exist before the rule.</summary>
public sealed record NfacctMatch(string Object) : RuleMatch
{
    // The two blanks are iptables' own.
    internal override void Print(StringBuilder text) => text.Append($" -m nfacct --nfacct-name  {RuleWords.Quote(Object)}");
}

/// <summary>Any other module or other options, of somebody else's rules.</summary>
/// <param name="Module">Null for an option that belongs to none.</param>
public sealed record OtherMatch(string? Module, string Options) : RuleMatch
{
    internal override void Print(StringBuilder text)
    {
        if (Module is not null)
            text.Append($" -m {Module}");
        if (Options.Length > 0)
            text.Append(' ').Append(Options);
    }
}
