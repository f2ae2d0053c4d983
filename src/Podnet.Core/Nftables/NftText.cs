using System.Globalization;
using System.Text;
using Podnet.Core.Model;

namespace Podnet.Core.Nftables;

/// <summary>
/// Chains, sets and elements in nft's language, as <c>nft list</c> shows them (1.0.6). Rules that keep sessions are shown so too, but nft 1.0.6
/// cannot read them: it does not know that <c>ct original proto-dst</c> is a port, and takes no constant into a key that is looked up. Such a
/// constant it shows in a map's key as a bare number, "0xa00001b [invalid type]" for 10.0.0.27.
/// </summary>
public static class NftText
{
    public static string TableOf(IPFamily family) => $"{(family == IPFamily.V4 ? "ip" : "ip6")} {ServiceTable.Name}";

    public static string Rule(IPFamily family, TableRule rule)
    {
        var words = string.Join(' ', rule.Statements.Select(statement => Statement(family, statement)));
        return rule.Comment is null ? words : $"{words} comment \"{rule.Comment}\"";
    }

    /// <summary>What stands between the braces of <c>add set</c> or <c>add map</c>.</summary>
    public static string Definition(IPFamily family, SetDefinition set)
    {
        var text = new StringBuilder();
        // Only an expression says how long a random number is; a type's name does not.
        var typeOf = set.Key.Contains(KeyField.Slot);
        text.Append(typeOf ? "typeof " : "type ");
        text.AppendJoin(" . ", set.Key.Select(field => typeOf ? Expression(family, field, count: 2) : TypeOf(family, field)));
        var address = TypeOf(family, KeyField.DestinationAddress);
        text.Append(set.Data switch
        {
            DataKind.Verdict => " : verdict",
            DataKind.Endpoint => typeOf ? $" : {Expression(family, KeyField.DestinationAddress)} . th dport" : $" : {address} . inet_service",
            _ => "",
        });
        text.Append(';');
        if (set.Dynamic)
            text.Append(CultureInfo.InvariantCulture, $" size {ServiceSets.MostSessions}; flags dynamic,timeout;");
        if (set.Intervals)
            text.Append(" flags interval;");
        text.Append(CultureInfo.InvariantCulture, $" comment \"{set.Comment}\";");
        if (set.Counter)
            text.Append(" counter;");
        return text.ToString();
    }

    public static string Key(ElementKey key) => string.Join(" . ", KeyParts(ServiceSets.Of(key.Set), key));

    public static string Element(TableElement element)
    {
        var set = ServiceSets.Of(element.Key.Set);
        var text = new StringBuilder(Key(element.Key));
        if (element.Comment is not null)
            text.Append(CultureInfo.InvariantCulture, $" comment \"{element.Comment}\"");
        return set.Data switch
        {
            DataKind.Verdict => text.Append(element.Data.Chain is { } chain ? $" : goto {chain}" : " : drop").ToString(),
            DataKind.Endpoint => text.Append($" : {AddressText.Of(element.Data.Value.Address!)} . {element.Data.Value.Port}").ToString(),
            _ => text.ToString(),
        };
    }

    public static string Word(Protocol protocol) => protocol switch
    {
        Protocol.Tcp => "tcp",
        Protocol.Udp => "udp",
        _ => "sctp",
    };

    private static string Statement(IPFamily family, Statement statement) => statement switch
    {
        NewConnection => "ct state new",
        Translated => "ct status dnat",
        Marked { Mask: var mask } => $"meta mark & {Hex(mask)} != 0x00000000",
        SourceIn { Network: var network, Inverted: var not } => $"{Ip(family)} saddr {Not(not)}{AddressText.Of(network)}",
        FromInterface { Name: var name, IsPrefix: var prefix, Inverted: var not } => $"iifname {Not(not)}\"{name}{(prefix ? "*" : "")}\"",
        FromNode => "fib saddr type local",
        InSet { Set: var set, Inverted: var not } => $"{Key(family, set)} {Not(not)}@{ServiceSets.Of(set).Name}",
        ByMap { Map: var map } => $"{Key(family, map)} vmap @{ServiceSets.Of(map).Name}",
        ToEndpoint { Map: var map, Count: var count } => $"dnat {Ip(family)} to {Key(family, map, count)} map @{ServiceSets.Of(map).Name}",
        ToSession { Map: var map, Service: var service } =>
            $"dnat {Ip(family)} to {(service is { } at ? $"{Ip(family)} saddr . {Constant(at)}" : Key(family, map))} map @{ServiceSets.Of(map).Name}",
        ByOriginal { Map: var map } => $"{Original(family, map)} vmap @{ServiceSets.Of(map).Name}",
        Remember { Map: var map, Service: var service, Timeout: var timeout } =>
            $"update @{ServiceSets.Of(map).Name} {{ {Ip(family)} saddr . {(service is { } at ? Constant(at) : Original(family, ServiceSet.SessionServices))} "
            + $"timeout {Duration(timeout)} : {Ip(family)} daddr . th dport }}",
        SetMark { Mask: var mask } => $"meta mark set meta mark | {Hex(mask)}",
        ToggleMark { Mask: var mask } => $"meta mark set meta mark ^ {Hex(mask)}",
        MasqueradeFullyRandom => "masquerade fully-random",
        Count => "counter",
        Jump { Chain: var chain } => $"jump {chain}",
        Goto { Chain: var chain } => $"goto {chain}",
        Drop => "drop",
        Reject => "reject",
        _ => throw new ArgumentOutOfRangeException(nameof(statement), statement, "has no text"),
    };

    private static string Constant(FrontendAddress at) => $"{AddressText.Of(at.Address!)} . {Word(at.Protocol)} . {at.Port}";

    private static string Original(IPFamily family, ServiceSet set) => string.Join(" . ", ServiceSets.Of(set).Key.Select(field => Original(family, field)));

    private static string Original(IPFamily family, KeyField field) => field switch
    {
        KeyField.DestinationAddress => $"ct original {Ip(family)} daddr",
        KeyField.DestinationPort => "ct original proto-dst",
        _ => Expression(family, field),
    };

    private static string Key(IPFamily family, ServiceSet set, int count = 0) =>
        string.Join(" . ", ServiceSets.Of(set).Key.Select(field => Expression(family, field, count)));

    private static string Expression(IPFamily family, KeyField field, int count = 0) => field switch
    {
        KeyField.SourceAddress => $"{Ip(family)} saddr",
        KeyField.DestinationAddress => $"{Ip(family)} daddr",
        KeyField.Protocol => "meta l4proto",
        KeyField.DestinationPort => "th dport",
        KeyField.Slot => $"numgen random mod {count}",
        _ => throw new ArgumentOutOfRangeException(nameof(field), field, "is no expression of its own"),
    };

    private static string TypeOf(IPFamily family, KeyField field) => field switch
    {
        KeyField.SourceAddress or KeyField.DestinationAddress => family == IPFamily.V4 ? "ipv4_addr" : "ipv6_addr",
        KeyField.Protocol => "inet_proto",
        KeyField.DestinationPort => "inet_service",
        _ => throw new ArgumentOutOfRangeException(nameof(field), field, "has no type"),
    };

    private static IEnumerable<string> KeyParts(SetDefinition set, ElementKey key) => set.Key.Select(field => field switch
    {
        KeyField.Protocol => Word(key.Protocol),
        KeyField.DestinationPort => key.Port.ToString(CultureInfo.InvariantCulture),
        KeyField.Slot => key.Slot.ToString(CultureInfo.InvariantCulture),
        KeyField.SourceAddress or KeyField.DestinationAddress when key.Address is null => AddressText.Of(key.Network!.Value),
        KeyField.SourceAddress when key.Network is { } network => AddressText.Of(network),
        _ => AddressText.Of(key.Address!),
    });

    private static string Ip(IPFamily family) => family == IPFamily.V4 ? "ip" : "ip6";

    private static string Not(bool not) => not ? "!= " : "";

    private static string Hex(uint value) => $"0x{value:x8}";

    /// <summary>As nft does: "3h", "10m", "1d1h5s".</summary>
    internal static string Duration(TimeSpan time)
    {
        var text = new StringBuilder();
        foreach (var (value, unit) in new[] { (time.Days, "d"), (time.Hours, "h"), (time.Minutes, "m"), (time.Seconds, "s") })
        {
            if (value > 0)
                text.Append(CultureInfo.InvariantCulture, $"{value}{unit}");
        }
        return text.ToString();
    }
}
