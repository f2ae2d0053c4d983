using System.Collections.Immutable;
using System.Text;
using Podnet.Core.Model;

namespace Podnet.Core.Rules;

/// <summary>What went through a rule or a built-in chain.</summary>
public readonly record struct RuleCounters(ulong Packets, ulong Bytes);

/// <summary>
/// One rule, without the chain that it is in. Two rules are equal if iptables-save prints them alike; counters do not matter.
/// </summary>
public sealed class IptablesRule : IEquatable<IptablesRule>
{
    private string? _text;

    public AddressMatch? Source { get; init; }

    public AddressMatch? Destination { get; init; }

    public InterfaceMatch? In { get; init; }

    public InterfaceMatch? Out { get; init; }

    public ProtocolMatch? Protocol { get; init; }

    /// <summary>In the order in which they are tried.</summary>
    public ImmutableArray<RuleMatch> Matches { get; init; } = [];

    /// <summary>Null for a rule that only counts.</summary>
    public RuleTarget? Target { get; init; }

    /// <summary>Where the rule was read from a kernel.</summary>
    public RuleCounters? Counters { get; init; }

    /// <summary>As iptables-save prints it, after "-A CHAIN"; begins with a blank unless it is empty.</summary>
    public string Text => _text ??= Print();

    public string? Comment => Match<CommentMatch>()?.Comment;

    /// <summary>The chain that it jumps to, if it does.</summary>
    public string? JumpsTo => (Target as JumpTarget)?.Chain;

    public T? Match<T>()
        where T : RuleMatch => Matches.OfType<T>().FirstOrDefault();

    public bool Equals(IptablesRule? other) => other is not null && Text == other.Text;

    public override bool Equals(object? obj) => Equals(obj as IptablesRule);

    public override int GetHashCode() => Text.GetHashCode(StringComparison.Ordinal);

    public override string ToString() => Text;

    private string Print()
    {
        var text = new StringBuilder(160);
        if (Source is { IsEverything: false } source)
            text.Append($"{Not(source.Inverted)} -s {AddressText.Of(source.Network)}");
        if (Destination is { IsEverything: false } destination)
            text.Append($"{Not(destination.Inverted)} -d {AddressText.Of(destination.Network)}");
        if (In is { } inward)
            text.Append($"{Not(inward.Inverted)} -i {inward.Name}");
        if (Out is { } outward)
            text.Append($"{Not(outward.Inverted)} -o {outward.Name}");
        if (Protocol is { } protocol)
            text.Append($"{Not(protocol.Inverted)} -p {protocol.Name}");
        foreach (var match in Matches)
            match.Print(text);
        Target?.Print(text);
        return text.ToString();
    }

    private static string Not(bool inverted) => inverted ? " !" : "";
}
