using Podnet.Core.Model;
using Podnet.Core.Rules;
using Podnet.Core.Services;
using Podnet.Dataplane.Nftables;
using Podnet.Netlink.Nftables;

namespace Podnet.Dataplane.Iptables;

/// <summary>
/// Keeps the kernel's iptables rules of one IP family as they are wanted. Its chains' names say that they are ours, so a driver
/// that starts anew adopts what an earlier one (or kube-proxy) left and touches only what is wrong.
/// </summary>
/// <remarks>
/// Blocking; everything happens in the calling thread's network namespace. Not for several threads at once. It remembers nothing of
/// the rules: after a failure, <see cref="Apply(IptablesRuleset)"/> reads the kernel and puts right what is still wrong.
/// </remarks>
public sealed class IptablesDriver
{
    /// <summary>
    /// iptables 1.8.9 looks through all chains of a transaction for each of its lines: 30,000 chains took 30 s of processor time at once
    /// and 3 s in such parts. Arbitrary beyond that.
    /// </summary>
    private const int ChainsAtOnce = 500;

    /// <summary>With more chains touched, one look at all rules costs less than a program for each: arbitrary.</summary>
    private const int MostChainsToLookAt = 20;

    private static readonly string[] Tables = [IptablesTables.Mangle, IptablesTables.Filter, IptablesTables.Nat];

    private readonly IPFamily _family;
    private readonly Ruleset? _ruleset;
    private readonly IptablesTool _tool;
    private readonly HashSet<string> _accounting = new(StringComparer.Ordinal);

    /// <param name="ruleset">What tells changes of others from ours, for <see cref="Repair(Func{IptablesRuleset})"/>; null where only one pass is to be made.</param>
    public IptablesDriver(IPFamily family, Ruleset? ruleset = null)
        : this(family, ruleset, new IptablesTool(family))
    {
    }

    internal IptablesDriver(IPFamily family, Ruleset? ruleset, IptablesTool tool)
    {
        _family = family;
        _ruleset = ruleset;
        _tool = tool;
    }

    /// <summary>Without the programs there are no rules to look after.</summary>
    public static bool IsInstalled(IPFamily family) => new IptablesTool(family).IsThere();

    /// <summary>Whether <see cref="Repair(Func{IptablesRuleset})"/> knows of every change that others make, so that reading all rules back now and then finds no more.</summary>
    public bool SeesChanges => _ruleset is not null && _tool.IsNftables;

    /// <summary>Makes the kernel's rules these, by reading back what is there; what is right is not touched.</summary>
    /// <exception cref="IptablesException">iptables-restore refused it, perhaps after a part of it.</exception>
    public IptablesSync Apply(IptablesRuleset wanted)
    {
        if (wanted.Family != _family)
            throw new ArgumentException($"rules of family {wanted.Family} for the driver of {_family}", nameof(wanted));
        foreach (var table in Tables)
            _ruleset?.Take(Name(table)); // Whatever it was: all is looked at now.
        return Write(IptablesComparer.Compare(wanted, _tool.Save()));
    }

    /// <summary>Brings a change into rules that are right in all else. Nothing is read back.</summary>
    /// <exception cref="IptablesException">iptables-restore refused it, perhaps since the rules are others than was thought.</exception>
    public IptablesSync Apply(IptablesChange change) => Write(ServiceDiff.Plan(change));

    /// <summary>
    /// Puts right what somebody else has changed since the last look, as far as that is known without reading all rules: iptables on
    /// nf_tables tells each change, of the older iptables only a flushed table is noticed.
    /// </summary>
    /// <param name="wanted">Is asked only where there is something to compare.</param>
    public IptablesSync Repair(Func<IptablesRuleset> wanted)
    {
        if (_ruleset is null || !_tool.IsNftables)
            return CanariesStand() ? IptablesSync.Nothing : Apply(wanted());
        var touched = Tables.Select(table => (Table: table, Touches: _ruleset.Take(Name(table)))).ToList();
        if (touched.Exists(one => one.Touches?.IsUnknown == true))
            return Apply(wanted());
        var chains = touched.SelectMany(one => (one.Touches?.Chains ?? []).Where(IsOfInterest).Select(chain => new ChainName(one.Table, chain))).ToList();
        return chains.Count == 0 ? IptablesSync.Nothing : Repair(wanted(), chains);
    }

    /// <summary>
    /// Cheap, however many rules there are: false if somebody has flushed a table. A change of single rules is not noticed.
    /// </summary>
    public bool CanariesStand() => Tables.All(table => _tool.HasChain(table, KubeChains.Canary));

    /// <param name="intent">What the rules were rendered from: whose chains are which.</param>
    public ConnectionCounts ReadConnections(ServiceIntent intent) => IptablesConnectionCounts.Read(_tool.SaveNat(), intent);

    /// <summary>What Apply would write, for iptables-restore --noflush; empty if all is right. Changes nothing.</summary>
    public string Preview(IptablesRuleset wanted) => IptablesComparer.Compare(wanted, _tool.Save()).ToString();

    /// <summary>What the kernel has, that of others, too.</summary>
    public IptablesRuleset Read() => _tool.Save();

    /// <summary>The same as <see cref="Preview(IptablesRuleset)"/> for a kernel that has these.</summary>
    public static string Preview(IptablesRuleset wanted, IptablesRuleset actual) => IptablesComparer.Compare(wanted, actual).ToString();

    /// <summary>What <see cref="Cleanup"/> would write. Changes nothing.</summary>
    public string PreviewCleanup() => Preview(IptablesRuleset.Empty(_family));

    /// <summary>Takes away everything that is ours, and the accounting objects that no rule uses any more.</summary>
    public IptablesSync Cleanup()
    {
        var sync = Write(IptablesComparer.Compare(IptablesRuleset.Empty(_family), _tool.Save()));
        _accounting.Clear();
        AccountingObjects.DeleteUnused();
        return sync;
    }

    /// <summary>Others' chains are theirs; in built-in ones are our jumps.</summary>
    private static bool IsOfInterest(string chain) => KubeChains.IsOwned(chain) || IptablesTables.BuiltInChains.Contains(chain);

    private IptablesSync Repair(IptablesRuleset wanted, List<ChainName> chains)
    {
        // A chain of ours that is not wanted can only be deleted if nobody's rule jumps to it: that takes a look at all.
        if (chains.Count > MostChainsToLookAt || chains.Exists(one => wanted.Table(one.Table)?.Chain(one.Chain) is null))
            return Apply(wanted);
        var actual = chains.ConvertAll(one => (one.Table, Chain: _tool.TryRead(one.Table, one.Chain)));
        if (actual.Exists(one => one.Chain is null))
            return Apply(wanted);
        if (_tool.HasChain(IptablesTables.Mangle, KubeChains.KubeletCanary))
            actual.Add((IptablesTables.Mangle, new IptablesChain(KubeChains.KubeletCanary, null, [])));
        var part = chains.ConvertAll(one => (one.Table, wanted.Table(one.Table)!.Chain(one.Chain)));
        return Write(IptablesComparer.Compare(Of(part), Of(actual)));
    }

    private IptablesRuleset Of(IEnumerable<(string Table, IptablesChain? Chain)> chains) => new(
        _family,
        [.. chains.GroupBy(one => one.Table).Select(table => new IptablesTable(table.Key, table.ToDictionary(one => one.Chain!.Name, one => one.Chain!)))]);

    private IptablesSync Write(IptablesPatch patch)
    {
        if (patch.IsEmpty)
            return IptablesSync.Nothing;
        var accounting = patch.AccountingObjects.Where(name => !_accounting.Contains(name)).ToList();
        if (accounting.Count > 0)
            AccountingObjects.Ensure(accounting);
        _accounting.UnionWith(accounting);
        // The older iptables copies a whole table in each transaction.
        _tool.Restore(patch.Print(_tool.IsNftables ? ChainsAtOnce : int.MaxValue), _ruleset);
        return new IptablesSync(patch.Written, patch.Deleted, patch.RuleCounts);
    }

    private TableName Name(string table) => new(_family == IPFamily.V4 ? TableFamily.Ip : TableFamily.Ip6, table);
}
