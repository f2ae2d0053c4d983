using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Nftables;

namespace Podnet.Core.Trace;

/// <summary>A table of nf_tables objects, found by what a packet looks for in it.</summary>
public sealed class TracedTable
{
    private readonly Dictionary<string, TableChain> _chains;
    private readonly Dictionary<ElementKey, TableElement> _elements = [];
    private readonly Dictionary<ElementKey, List<TableElement>> _ranges = [];

    public TracedTable(IPFamily family, IEnumerable<TableChain> chains, IEnumerable<TableElement> elements)
    {
        Family = family;
        _chains = chains.ToDictionary(c => c.Name);
        foreach (var element in elements)
        {
            if (element.Key.Network is null)
                _elements[element.Key] = element;
            else if (_ranges.TryGetValue(element.Key with { Network = null }, out var others))
                others.Add(element);
            else
                _ranges[element.Key with { Network = null }] = [element];
        }
    }

    public TracedTable(ServiceTable table)
        : this(table.Family, table.Chains, table.Elements)
    {
    }

    public IPFamily Family { get; }

    internal TableChain? Chain(string name) => _chains.GetValueOrDefault(name);

    /// <summary>In the order in which the kernel calls them.</summary>
    internal IEnumerable<TableChain> At(BaseHook hook) =>
        _chains.Values.Where(c => c.Base?.Hook == hook).OrderBy(c => c.Base!.Priority).ThenBy(c => c.Name, StringComparer.Ordinal);

    /// <summary>Of a set of single keys: the element with what the packet has of the set's key; null without one.</summary>
    /// <param name="slot">For a map that a random number is looked up in.</param>
    internal TableElement? Find(ServiceSet set, PacketState packet, int slot = 0)
    {
        var definition = ServiceSets.Of(set);
        var key = new ElementKey(set) { Slot = slot };
        IPAddress? range = null;
        foreach (var field in definition.Key)
        {
            switch (field)
            {
                case KeyField.DestinationAddress when definition.Intervals && definition.Key.Length == 1:
                    range = packet.Destination;
                    break;
                case KeyField.SourceAddress when definition.Intervals:
                    range = packet.Packet.Source;
                    break;
                case KeyField.DestinationAddress:
                    key = key with { Address = packet.Destination };
                    break;
                // Of the set of pairs of an address with itself.
                case KeyField.SourceAddress when !packet.Packet.Source.Equals(packet.Destination):
                    return null;
                case KeyField.Protocol:
                    key = key with { Protocol = packet.Packet.Protocol };
                    break;
                case KeyField.DestinationPort:
                    key = key with { Port = packet.Port };
                    break;
                default:
                    break;
            }
        }

        return range is null
            ? _elements.TryGetValue(key, out var found) ? found : null
            : _ranges.GetValueOrDefault(key, []).Where(e => e.Key.Network!.Value.Contains(range)).Select(e => (TableElement?)e).FirstOrDefault();
    }

    /// <summary>A map's endpoints for the packet, slot by slot up to the first that is empty.</summary>
    internal ImmutableArray<PacketTarget> Endpoints(ServiceSet map, PacketState packet)
    {
        var found = ImmutableArray.CreateBuilder<PacketTarget>();
        while (Find(map, packet, found.Count) is { } element)
            found.Add(TargetOf(element));
        return found.DrainToImmutable();
    }

    internal static PacketTarget TargetOf(TableElement endpoint) => new(endpoint.Data.Value.Address!, endpoint.Data.Value.Port);
}
