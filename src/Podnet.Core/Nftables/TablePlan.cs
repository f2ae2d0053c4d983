using System.Text;
using Podnet.Core.Model;
using Podnet.Core.Routes;

namespace Podnet.Core.Nftables;

/// <summary>Changes to a node's table, as one transaction in this order. It is what <see cref="ToString"/> prints and a driver sends.</summary>
public sealed record TablePlan(IPFamily Family)
{
    public bool AddTable { get; init; }

    /// <summary>Emptied before anything else, since rules hold sets and other chains.</summary>
    public IReadOnlyCollection<string> FlushedChains { get; init; } = [];

    public IReadOnlyCollection<string> DeletedSets { get; init; } = [];

    /// <summary>Some of the flushed ones, deleted before chains are added: they come back with another hook.</summary>
    public IReadOnlyCollection<string> ReplacedChains { get; init; } = [];

    public IReadOnlyCollection<SetDefinition> AddedSets { get; init; } = [];

    /// <summary>New ones, with their rules.</summary>
    public IReadOnlyCollection<TableChain> AddedChains { get; init; } = [];

    /// <summary>Some of the flushed ones, whose rules come anew.</summary>
    public IReadOnlyCollection<TableChain> RewrittenChains { get; init; } = [];

    public IReadOnlyCollection<TableElement> DeletedElements { get; init; } = [];

    public IReadOnlyCollection<TableElement> AddedElements { get; init; } = [];

    /// <summary>Last, when nothing leads to them any more.</summary>
    public IReadOnlyCollection<string> DeletedChains { get; init; } = [];

    public bool IsEmpty => !AddTable && FlushedChains.Count + DeletedSets.Count + ReplacedChains.Count + AddedSets.Count + AddedChains.Count + RewrittenChains.Count
        + DeletedElements.Count + AddedElements.Count + DeletedChains.Count == 0;

    /// <summary>For a log line.</summary>
    public string Summary
    {
        get
        {
            var parts = new List<string>();
            if (AddTable)
                parts.Add($"table {NftText.TableOf(Family)} made");
            Say(AddedSets.Count, "sets made");
            Say(AddedChains.Count, "chains made");
            Say(RewrittenChains.Count, "chains rewritten");
            Say(DeletedSets.Count, "sets deleted");
            Say(ReplacedChains.Count + DeletedChains.Count, "chains deleted");
            Say(AddedElements.Count, "elements added");
            Say(DeletedElements.Count, "elements deleted");
            return string.Join(", ", parts);

            void Say(int count, string what)
            {
                if (count > 0)
                    parts.Add($"{count} {what}");
            }
        }
    }

    /// <summary>Commands for <c>nft -f</c>, a line each.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        var table = NftText.TableOf(Family);
        if (AddTable)
            text.Append($"add table {table} {{ comment \"{EgressMasquerade.TableComment}\"; }}\n");
        foreach (var chain in FlushedChains)
            text.Append($"flush chain {table} {chain}\n");
        foreach (var set in DeletedSets)
            text.Append($"delete set {table} {set}\n");
        foreach (var chain in ReplacedChains)
            text.Append($"delete chain {table} {chain}\n");
        foreach (var set in AddedSets)
            text.Append($"add {(set.Data == DataKind.None ? "set" : "map")} {table} {set.Name} {{ {NftText.Definition(Family, set)} }}\n");
        foreach (var chain in AddedChains)
            text.Append($"add chain {table} {chain.Name}{BaseText(chain)}\n");
        foreach (var chain in AddedChains.Concat(RewrittenChains))
        {
            foreach (var rule in chain.Rules)
                text.Append($"add rule {table} {chain.Name} {NftText.Rule(Family, rule)}\n");
        }
        foreach (var element in DeletedElements)
            text.Append($"delete element {table} {ServiceSets.Of(element.Key.Set).Name} {{ {NftText.Key(element.Key)} }}\n");
        foreach (var element in AddedElements)
            text.Append($"add element {table} {ServiceSets.Of(element.Key.Set).Name} {{ {NftText.Element(element)} }}\n");
        foreach (var chain in DeletedChains)
            text.Append($"delete chain {table} {chain}\n");
        return text.ToString();
    }

    private static string BaseText(TableChain chain)
    {
        var comment = chain.Comment is null ? "" : $" comment \"{chain.Comment}\";";
        if (chain.Base is not { } hook)
            return comment.Length == 0 ? "" : $" {{{comment} }}";
        var type = hook.IsNat ? "nat" : "filter";
        return $" {{ type {type} hook {NameOf(hook.Hook)} priority {hook.Priority}; policy accept;{comment} }}";
    }

    private static string NameOf(BaseHook hook) => hook switch
    {
        BaseHook.Prerouting => "prerouting",
        BaseHook.Input => "input",
        BaseHook.Forward => "forward",
        BaseHook.Output => "output",
        _ => "postrouting",
    };
}
