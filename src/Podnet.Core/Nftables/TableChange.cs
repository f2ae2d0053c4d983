using System.Collections.Immutable;
using Podnet.Core.Services;

namespace Podnet.Core.Nftables;

/// <summary>What is to change in a table, put together from many small changes: an element that comes and goes again is none.</summary>
public sealed class TableChange
{
    private readonly Dictionary<ElementKey, (TableElement? Before, TableElement? Now)> _elements = [];
    private readonly Dictionary<string, (bool Before, TableChain? Now)> _chains = [];

    public bool IsEmpty => _elements.Count == 0 && _chains.Count == 0;

    public IEnumerable<TableElement> Deleted => _elements.Values.Where(one => one.Before is not null).Select(one => one.Before!.Value);

    public IEnumerable<TableElement> Added => _elements.Values.Where(one => one.Now is not null).Select(one => one.Now!.Value);

    public IEnumerable<TableChain> AddedChains => _chains.Values.Where(one => !one.Before && one.Now is not null).Select(one => one.Now!);

    public IEnumerable<string> DeletedChains => _chains.Where(one => one.Value.Before && one.Value.Now is null).Select(one => one.Key);

    /// <summary>An endpoint went that clients may stay with: such sessions are to end at once.</summary>
    public bool EndsSessions { get; private set; }

    /// <summary>An address that another holds now, or none, or that none held.</summary>
    internal void Replace(Frontend? before, Frontend? now)
    {
        foreach (var element in before is null ? [] : TableElement.Of(before))
            Set(element.Key, _elements.TryGetValue(element.Key, out var known) ? known.Before : element, null);
        foreach (var element in now is null ? [] : TableElement.Of(now))
            Set(element.Key, _elements.TryGetValue(element.Key, out var known) ? known.Before : null, element);
        EndsSessions |= before?.Session is not null
            && (now?.Session is null || now.Chain?.Role != before.Chain?.Role || Gone(before.Endpoints, now.Endpoints) || Gone(before.LocalEndpoints, now.LocalEndpoints));
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

    private void Set(ElementKey key, TableElement? before, TableElement? now)
    {
        if (before == now)
            _elements.Remove(key);
        else
            _elements[key] = (before, now);
    }

    private static bool Gone(ImmutableArray<ServiceEndpoint> before, ImmutableArray<ServiceEndpoint> now) =>
        before.Any(one => !now.Any(other => ElementData.Of(one) == ElementData.Of(other)));
}
