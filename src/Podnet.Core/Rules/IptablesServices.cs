using System.Collections.Immutable;
using Podnet.Core.Model;
using Podnet.Core.Services;

namespace Podnet.Core.Rules;

/// <summary>
/// The Services that a node's iptables rules of one IP family are made of, kept up to date Service by Service, so that a change is
/// rendered alone. It holds no rules: those of one Service are rendered faster than they are looked for.
/// </summary>
/// <remarks>What it holds depends on what was put last for each Service alone, never on the order.</remarks>
public sealed class IptablesServices(IPFamily family, ServiceProxyConfig config)
{
    private readonly Dictionary<ObjectName, ServiceIntent> _services = [];
    private int _endpoints;

    public IPFamily Family => family;

    public ServiceProxyConfig Config => config;

    /// <summary>Rules per endpoint have no comments then: a change of it is one of nearly all rules.</summary>
    public bool IsLarge => IptablesRenderer.IsLarge(_endpoints);

    /// <summary>All of them as one, sorted by name.</summary>
    public ServiceIntent Intent => new(
        family,
        [.. _services.Values.SelectMany(share => share.Ports).OrderBy(port => port.Name)],
        [],
        _endpoints);

    public IptablesRuleset Render() => IptablesRenderer.Render(Intent, config);

    /// <summary>Replaces the share of a Service; one without ports, to take it away.</summary>
    /// <param name="change">Gets what becomes another by it; null where nobody wants to know.</param>
    public void Put(ObjectName name, ServiceIntent share, IptablesChange? change)
    {
        var before = _services.GetValueOrDefault(name) ?? ServiceIntent.Empty(family);
        var large = IsLarge;
        _endpoints += share.EndpointCount - before.EndpointCount;
        if (share.Ports.IsEmpty && share.EndpointCount == 0)
            _services.Remove(name);
        else
            _services[name] = share;
        change?.Add(Rules(before, large), Rules(share, large));
    }

    private IptablesRuleset Rules(ServiceIntent share, bool large) =>
        IptablesRenderer.RenderShare(family, share.Ports.Order(Comparer<ServicePortIntent>.Create((a, b) => a.Name.CompareTo(b.Name))), config, large);
}

/// <summary>What Services add to the rules of a node, before and now.</summary>
public sealed class IptablesChange
{
    private readonly List<(IptablesRuleset Before, IptablesRuleset Now)> _shares = [];

    public IReadOnlyList<(IptablesRuleset Before, IptablesRuleset Now)> Shares => _shares;

    /// <summary>By how many rules a table grows.</summary>
    public int Growth(string table) =>
        _shares.Sum(share => Count(share.Now, table) - Count(share.Before, table));

    internal void Add(IptablesRuleset before, IptablesRuleset now) => _shares.Add((before, now));

    private static int Count(IptablesRuleset rules, string table) => rules.Table(table)?.Chains.Values.Sum(chain => chain.Rules.Length) ?? 0;
}
