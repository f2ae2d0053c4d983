using static Podnet.Netlink.Nftables.NftablesWire;

namespace Podnet.Netlink.Nftables;

/// <summary>nf_tables' replies as records.</summary>
internal static class NftablesDecoder
{
    internal static (string Table, Table Value) Table(NetlinkMessage message)
    {
        var name = "";
        string? comment = null;
        var attributes = message.AttributesAfter<NetfilterHeader>();
        while (attributes.MoveNext())
        {
            if (attributes.Type == TableAttribute.Name)
                name = attributes.Text;
            else if (attributes.Type == TableAttribute.UserData)
                comment = UserData.CommentIn(attributes.Value);
        }

        var family = (TableFamily)message.Fixed<NetfilterHeader>().Family;
        return (name, new Table(new TableName(family, name)) { Comment = comment });
    }

    internal static (string Table, Chain Value) Chain(NetlinkMessage message)
    {
        var table = "";
        var chain = new Chain("");
        var type = ChainType.Filter;
        var policy = VerdictCode.Accept;
        (Hook Hook, int Priority)? hook = null;
        var attributes = message.AttributesAfter<NetfilterHeader>();
        while (attributes.MoveNext())
        {
            switch (attributes.Type)
            {
                case ChainAttribute.Table:
                    table = attributes.Text;
                    break;
                case ChainAttribute.Name:
                    chain = chain with { Name = attributes.Text };
                    break;
                case ChainAttribute.UserData:
                    chain = chain with { Comment = UserData.CommentIn(attributes.Value) };
                    break;
                case ChainAttribute.Type:
                    type = ChainTypeOf(attributes.Text);
                    break;
                case ChainAttribute.Policy:
                    policy = (VerdictCode)(int)attributes.U32BigEndian;
                    break;
                case ChainAttribute.Hook:
                    var data = new ExpressionData(attributes.Nested);
                    hook = ((Hook)data.U32(ChainAttribute.HookNumber), (int)data.U32(ChainAttribute.HookPriority));
                    break;
                default:
                    break;
            }
        }

        return (table, hook is { } at ? chain with { Hook = new ChainHook(type, at.Hook, at.Priority) { Policy = policy } } : chain);
    }

    internal static (string Table, Rule Value) Rule(NetlinkMessage message)
    {
        var table = "";
        var expressions = new List<Expression>();
        var rule = new Rule("", expressions);
        var attributes = message.AttributesAfter<NetfilterHeader>();
        while (attributes.MoveNext())
        {
            switch (attributes.Type)
            {
                case RuleAttribute.Table:
                    table = attributes.Text;
                    break;
                case RuleAttribute.Chain:
                    rule = rule with { Chain = attributes.Text };
                    break;
                case RuleAttribute.Handle:
                    rule = rule with { Handle = attributes.U64BigEndian };
                    break;
                case RuleAttribute.UserData:
                    rule = rule with { Comment = UserData.CommentIn(attributes.Value) };
                    break;
                case RuleAttribute.Expressions:
                    var list = attributes.Nested;
                    while (list.MoveNext())
                        expressions.Add(Expression(new ExpressionData(list.Nested)));
                    break;
                default:
                    break;
            }
        }

        return (table, rule);
    }

    internal static (string Table, Set Value) Set(NetlinkMessage message)
    {
        var (table, name) = ("", "");
        var (key, data) = (default(DataType), default(DataType));
        uint flags = 0, size = 0;
        var counts = false;
        string? comment = null;
        var attributes = message.AttributesAfter<NetfilterHeader>();
        while (attributes.MoveNext())
        {
            switch (attributes.Type)
            {
                case SetAttribute.Table:
                    table = attributes.Text;
                    break;
                case SetAttribute.Name:
                    name = attributes.Text;
                    break;
                case SetAttribute.Flags:
                    flags = attributes.U32BigEndian;
                    break;
                case SetAttribute.KeyType:
                    key = key with { Type = attributes.U32BigEndian };
                    break;
                case SetAttribute.KeyLength:
                    key = key with { Length = (int)attributes.U32BigEndian };
                    break;
                case SetAttribute.DataType:
                    data = data with { Type = attributes.U32BigEndian };
                    break;
                case SetAttribute.DataLength:
                    data = data with { Length = (int)attributes.U32BigEndian };
                    break;
                case SetAttribute.Description:
                    size = new ExpressionData(attributes.Nested).U32(SetAttribute.DescribedSize);
                    break;
                case SetAttribute.Expression:
                    counts = Expression(new ExpressionData(attributes.Nested)) is Counter;
                    break;
                case SetAttribute.UserData:
                    key = key with { TypeOf = UserData.TypeOfKeyIn(attributes.Value) };
                    data = data with { TypeOf = UserData.TypeOfDataIn(attributes.Value) };
                    comment = UserData.CommentInSet(attributes.Value);
                    break;
                default:
                    break;
            }
        }

        return (table, new Set(name, key)
        {
            Data = (flags & SetAttribute.Map) == 0 ? null : data.Type == DataType.Verdict.Type ? DataType.Verdict : data,
            Flags = (SetFlags)(flags & ~(SetAttribute.Map | SetAttribute.Concatenation)),
            Size = size,
            Counter = counts,
            Comment = comment,
        });
    }

    /// <summary>The first element of a message.</summary>
    internal static Box<Element>? Element(NetlinkMessage message) => Edges(message) is [var edge, ..] ? new Box<Element>(edge.Element) : null;

    /// <summary>The edges in one message of a dump of elements.</summary>
    internal static List<Edge> Edges(NetlinkMessage message)
    {
        var edges = new List<Edge>();
        var attributes = message.AttributesAfter<NetfilterHeader>();
        while (attributes.MoveNext())
        {
            if (attributes.Type != ElementAttribute.List)
                continue;
            var list = attributes.Nested;
            while (list.MoveNext())
                edges.Add(EdgeIn(list.Nested));
        }

        return edges;
    }

    /// <summary>By key; at the same key, an interval ends before the next one starts.</summary>
    internal static void Sort(List<Edge> edges) =>
        edges.Sort((a, b) => a.Element.Key.CompareTo(b.Element.Key) is var byKey and not 0 ? byKey : b.IsEnd.CompareTo(a.IsEnd));

    /// <param name="sorted">As <see cref="Sort"/> leaves them.</param>
    internal static bool HasTwice(List<Edge> sorted)
    {
        for (var i = 1; i < sorted.Count; i++)
        {
            var (a, b) = (sorted[i], sorted[i - 1]);
            if (a.Element.Key == b.Element.Key && a.Element.Last == b.Element.Last && a.IsEnd == b.IsEnd)
                return true;
        }

        return false;
    }

    /// <summary>Sorted edges put together: each start with the end that is next to it. An end without a start (nft puts one at 0) is left out.</summary>
    internal static List<Element> Elements(List<Edge> edges)
    {
        var elements = new List<Element>(edges.Count);
        for (var i = 0; i < edges.Count; i++)
        {
            if (!edges[i].IsEnd)
                elements.Add(i + 1 < edges.Count && edges[i + 1].IsEnd ? edges[i].Element with { End = edges[i + 1].Element.Key } : edges[i].Element);
        }

        return elements;
    }

    private static Edge EdgeIn(AttributeReader attributes)
    {
        var isEnd = false;
        Element element = default;
        while (attributes.MoveNext())
        {
            switch (attributes.Type)
            {
                case ElementAttribute.Key:
                    element = element with { Key = new ExpressionData(attributes.Nested).Bytes() };
                    break;
                case ElementAttribute.KeyEnd:
                    element = element with { Last = new ExpressionData(attributes.Nested).Bytes() };
                    break;
                case ElementAttribute.Data:
                    var data = new ExpressionData(attributes.Nested);
                    element = element with { Data = data.Bytes(), Verdict = Verdict.ReadData(data) };
                    break;
                case ElementAttribute.Flags:
                    isEnd = (attributes.U32BigEndian & ElementAttribute.IntervalEnd) != 0;
                    break;
                case ElementAttribute.Timeout:
                    element = element with { Timeout = TimeSpan.FromMilliseconds(attributes.U64BigEndian) };
                    break;
                case ElementAttribute.Expiration:
                    element = element with { Expires = TimeSpan.FromMilliseconds(attributes.U64BigEndian) };
                    break;
                case ElementAttribute.UserData:
                    element = element with { Comment = UserData.CommentIn(attributes.Value) };
                    break;
                case ElementAttribute.Expression:
                    element = element with { Counter = Expression(new ExpressionData(attributes.Nested)) as Counter };
                    break;
                default:
                    break;
            }
        }

        return new Edge(element, isEnd);
    }

    private static Expression Expression(ExpressionData item)
    {
        var name = item.Text(ExpressionAttribute.Name);
        var data = item.Nested(ExpressionAttribute.Data);
        Expression? known = name switch
        {
            Payload.Kind => Payload.Read(data),
            Meta.Kind => Meta.Read(data),
            Conntrack.Kind => Conntrack.Read(data),
            Compare.Kind => Compare.Read(data),
            Bitwise.Kind => Bitwise.Read(data),
            Lookup.Kind => Lookup.Read(data),
            UpdateSet.Kind => UpdateSet.Read(data),
            RandomNumber.Kind => RandomNumber.Read(data),
            AddressType.Kind => AddressType.Read(data) ?? (Expression?)ReversePath.Read(data),
            Verdict.Kind => Verdict.Read(data) ?? (Expression?)Constant.Read(data),
            Counter.Kind => Counter.Read(data),
            Masquerade.Kind => Masquerade.Read(data),
            DestinationNat.Kind => DestinationNat.Read(data),
            Reject.Kind => Reject.Read(data),
            _ => null,
        };
        return known ?? new UnknownExpression(name);
    }

    internal readonly record struct Edge(Element Element, bool IsEnd);
}
