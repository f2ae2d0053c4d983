using Podnet.Core.Services;

namespace Podnet.Core.Nftables;

/// <summary>What is to change in a table, put together from many small changes: an element that comes and goes again is none.</summary>
public sealed class TableChange
{
    private readonly Dictionary<ElementKey, (TableElement? Before, TableElement? Now)> _elements = [];
    private readonly Dictionary<string, (bool Before, TableChain? Now)> _chains = [];
    private readonly List<Unsettled> _unsettled = [];

    public bool IsEmpty => _elements.Count == 0 && _chains.Count == 0;

    public IEnumerable<TableElement> Deleted => _elements.Values.Where(one => one.Before is not null).Select(one => one.Before!.Value);

    public IEnumerable<TableElement> Added => _elements.Values.Where(one => one.Now is not null).Select(one => one.Now!.Value);

    public IEnumerable<TableChain> AddedChains => _chains.Values.Where(one => !one.Before && one.Now is not null).Select(one => one.Now!);

    public IEnumerable<string> DeletedChains => _chains.Where(one => one.Value.Before && one.Value.Now is null).Select(one => one.Key);

    /// <summary>Sessions with endpoints that are gone end at once.</summary>
    public IReadOnlyList<Unsettled> UnsettledSessions => _unsettled;

    /// <summary>An address that another holds now, or none, or that none held.</summary>
    internal void Replace(Frontend? before, Frontend? now)
    {
        foreach (var element in before is null ? [] : TableElement.Of(before))
            Set(element.Key, _elements.TryGetValue(element.Key, out var known) ? known.Before : element, null);
        foreach (var element in now is null ? [] : TableElement.Of(now))
            Set(element.Key, _elements.TryGetValue(element.Key, out var known) ? known.Before : null, element);
        if (before?.Session is { } session)
            Unsettle(session, before, now);
    }

    internal void Switch(TableElement element, bool on)
    {
        var before = _elements.TryGetValue(element.Key, out var known) ? known.Before : on ? null : element;
        Set(element.Key, before, on ? element : null);
    }

    internal void Switch(TableChain chain, bool on)
    {
        var before = _chains.TryGetValue(chain.Name, out var known) ? known.Before : !on;
        if (before == on)
            _chains.Remove(chain.Name);
        else
            _chains[chain.Name] = (before, on ? chain : null);
    }

    private void Unsettle(FrontendAddress session, Frontend before, Frontend? now)
    {
        var gone = Gone(before.Endpoints, now?.Session is null ? [] : now.Endpoints)
            .Union(Gone(before.LocalEndpoints, now?.Session is null ? [] : now.LocalEndpoints)).ToHashSet();
        if (gone.Count > 0)
            _unsettled.Add(new Unsettled(session, gone));
    }

    private void Set(ElementKey key, TableElement? before, TableElement? now)
    {
        if (before == now)
            _elements.Remove(key);
        else
            _elements[key] = (before, now);
    }

    private static IEnumerable<ElementData> Gone(IEnumerable<ServiceEndpoint> before, IEnumerable<ServiceEndpoint> now) =>
        before.Select(ElementData.Of).Except(now.Select(ElementData.Of));
}

/// <summary>Endpoints that clients of a ServicePort can no longer stay with.</summary>
public sealed record Unsettled(FrontendAddress Session, IReadOnlySet<ElementData> Endpoints);
