using System.Net;
using System.Text;
using Podnet.Core.Model;

namespace Podnet.Core.Rules;

/// <summary>The "-j" of a rule. Printed exactly as iptables-save does.</summary>
public abstract record RuleTarget
{
    public static readonly RuleTarget Accept = new VerdictTarget("ACCEPT");

    public static readonly RuleTarget Drop = new VerdictTarget("DROP");

    public static readonly RuleTarget Return = new VerdictTarget("RETURN");

    internal abstract void Print(StringBuilder text);
}

/// <param name="Verdict">ACCEPT, DROP or RETURN.</param>
public sealed record VerdictTarget(string Verdict) : RuleTarget
{
    internal override void Print(StringBuilder text) => text.Append($" -j {Verdict}");
}

public sealed record JumpTarget(string Chain) : RuleTarget
{
    internal override void Print(StringBuilder text) => text.Append($" -j {Chain}");
}

/// <summary>With an ICMP port unreachable.</summary>
public sealed record RejectTarget(IPFamily Family) : RuleTarget
{
    internal override void Print(StringBuilder text) => text.Append($" -j REJECT --reject-with {ReasonOf(Family)}");

    internal static string ReasonOf(IPFamily family) =>
        family == IPFamily.V4 ? "icmp-port-unreachable" : "icmp6-port-unreachable";
}

public sealed record DnatTarget(IPAddress Address, ushort Port) : RuleTarget
{
    internal override void Print(StringBuilder text) => text.Append($" -j DNAT --to-destination {AddressText.Of(Address, Port)}");
}

/// <summary>With a source port that cannot be guessed and does not clash (NF_NAT_RANGE_PROTO_RANDOM_FULLY).</summary>
public sealed record MasqueradeTarget : RuleTarget
{
    internal override void Print(StringBuilder text) => text.Append(" -j MASQUERADE --random-fully");
}

/// <summary>New mark = (mark &amp; ~Mask) ^ Value: sets a bit with Mask = Value, flips it with Mask = 0.</summary>
public sealed record MarkTarget(uint Value, uint Mask) : RuleTarget
{
    internal override void Print(StringBuilder text) => text.Append($" -j MARK --set-xmark 0x{Value:x}/0x{Mask:x}");
}

/// <summary>Any other target or other options, of somebody else's rules.</summary>
/// <param name="Text">From "-j" or "-g" on.</param>
public sealed record OtherTarget(string Text) : RuleTarget
{
    internal override void Print(StringBuilder text) => text.Append(' ').Append(Text);
}
