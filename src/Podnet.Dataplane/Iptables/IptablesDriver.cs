using Podnet.Core.Model;
using Podnet.Core.Rules;
using Podnet.Core.Services;

namespace Podnet.Dataplane.Iptables;

/// <summary>
/// Keeps the kernel's iptables rules of one IP family as they are wanted. Its chains' names say that they are ours, so a driver
/// that starts anew adopts what an earlier one (or kube-proxy) left and touches only what is wrong.
/// </summary>
/// <remarks>
/// Blocking; everything happens in the calling thread's network namespace. Not for several threads at once. A pass that fails
/// changes at most whole tables, and the next one reads the kernel and puts right what is still wrong.
/// </remarks>
public sealed class IptablesDriver
{
    private readonly IPFamily _family;
    private readonly IptablesTool _tool;

    /// <summary>What the kernel should have, from the first Apply on.</summary>
    private IptablesRuleset? _wanted;

    /// <summary>What the kernel has, if nobody else has been at it; null where that is not known.</summary>
    private IptablesRuleset? _written;

    public IptablesDriver(IPFamily family)
        : this(family, new IptablesTool(family))
    {
    }

    internal IptablesDriver(IPFamily family, IptablesTool tool)
    {
        _family = family;
        _tool = tool;
    }

    /// <summary>Without the programs there are no rules to look after.</summary>
    public static bool IsInstalled(IPFamily family) => new IptablesTool(family).IsThere();

    /// <summary>
    /// Makes the kernel's rules these. The first time, and after a failure, by reading back what is there; else by writing what
    /// differs from what was written last.
    /// </summary>
    /// <exception cref="IptablesException">iptables-restore refused it. Nothing is forgotten: the next call tries again.</exception>
    public IptablesSync Apply(IptablesRuleset wanted)
    {
        if (wanted.Family != _family)
            throw new ArgumentException($"rules of family {wanted.Family} for the driver of {_family}", nameof(wanted));
        _wanted = wanted;
        return _written is { } written ? Write(IptablesComparer.Compare(wanted, written), readBack: false) : Check();
    }

    /// <summary>
    /// Reads the kernel's rules and puts right what somebody else has changed, and only that. To be called now and then, and when
    /// the kernel says that rules have changed.
    /// </summary>
    public IptablesSync Check()
    {
        var wanted = _wanted ?? throw new InvalidOperationException("there is nothing to check before the first Apply");
        return Write(IptablesComparer.Compare(wanted, _tool.Save()), readBack: true);
    }

    /// <summary>
    /// Cheap, however many rules there are: false if somebody has flushed a table. A change of single rules is for
    /// <see cref="Check"/> to find.
    /// </summary>
    public bool CanariesStand() =>
        ((string[])[IptablesTables.Mangle, IptablesTables.Filter, IptablesTables.Nat]).All(t => _tool.HasChain(t, KubeChains.Canary));

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
        _wanted = null;
        var sync = Write(IptablesComparer.Compare(IptablesRuleset.Empty(_family), _tool.Save()), readBack: true);
        _written = null;
        AccountingObjects.DeleteUnused();
        return sync;
    }

    private IptablesSync Write(IptablesPatch patch, bool readBack)
    {
        if (!patch.IsEmpty)
        {
            _written = null;
            AccountingObjects.Ensure(patch.AccountingObjects);
            _tool.Restore(patch.ToString());
        }

        _written = _wanted;
        return new IptablesSync(patch.Written, patch.Deleted, readBack);
    }
}
