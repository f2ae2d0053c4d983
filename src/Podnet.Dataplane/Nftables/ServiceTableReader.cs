using Podnet.Core.Explain;
using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Linux;
using Podnet.Netlink.Nftables;

namespace Podnet.Dataplane.Nftables;

/// <summary>
/// Reads from the calling thread's network namespace what its table has for a few addresses. It asks for their elements one by one: a
/// dump of a large map takes time with its square.
/// </summary>
public sealed class ServiceTableReader(IPFamily family)
{
    /// <summary>Tries to read in between changes of others: arbitrary.</summary>
    private const int Tries = 20;

    private readonly TableName _name = new(family == IPFamily.V4 ? TableFamily.Ip : TableFamily.Ip6, ServiceTable.Name);
    private readonly ElementCoding _coding = new(family);
    private readonly RuleReader _rules = new(family);

    /// <summary>Null where there is no such table, or none with Services in it: the node is not in nftables mode.</summary>
    public LiveTable? Read(IReadOnlyCollection<FrontendAddress> addresses)
    {
        using var socket = new NftablesSocket();
        for (var attempt = 0; attempt < Tries; attempt++)
        {
            var content = socket.Read(_name, IsReadWhole);
            if (content is null || ServiceSets.All.Any(set => content.Sets.All(there => there.Name != set.Name)))
                return null;
            try
            {
                var table = Read(socket, content, addresses);
                if (socket.Generation() == content.Generation)
                    return table;
            }
            catch (KernelException e) when (e.Errno == Errno.NoEntry)
            {
                // A map went away since the look at what there is: look again.
            }
        }

        throw new KernelException(Errno.Interrupted, $"read table {_name}", $"changed during each of {Tries} attempts");
    }

    /// <summary>Those that stay small however many Services there are, or can only be read so.</summary>
    private static bool IsReadWhole(string set) =>
        ServiceSets.All.Any(one => one.Name == set && (one.Intervals || one.Id == ServiceSet.NodePortIPs));

    private LiveTable Read(NftablesSocket socket, TableContent content, IReadOnlyCollection<FrontendAddress> addresses)
    {
        var rules = content.Rules.ToLookup(rule => rule.Chain, _rules.Read, StringComparer.Ordinal);
        var elements = new Dictionary<ElementKey, LiveElement>();
        foreach (var set in ServiceSets.All.Where(set => IsReadWhole(set.Name)))
            Add(elements, content.Elements.GetValueOrDefault(set.Name, []).Select(element => Live(set, element)));
        var table = new LiveTable(
            family, content.Chains.ToDictionary(chain => chain.Name, chain => new LiveChain(chain.Name, [.. rules[chain.Name]]), StringComparer.Ordinal), elements);
        Add(elements, Find(socket, addresses.SelectMany(LiveTable.Keys)));
        Add(elements, Find(socket, addresses.SelectMany(table.Slots)));
        return table;
    }

    private static void Add(Dictionary<ElementKey, LiveElement> elements, IEnumerable<LiveElement> found)
    {
        foreach (var one in found)
            elements[one.Element.Key] = one;
    }

    private IEnumerable<LiveElement> Find(NftablesSocket socket, IEnumerable<ElementKey> keys) =>
        from bySet in keys.Distinct().GroupBy(key => key.Set)
        let set = ServiceSets.Of(bySet.Key)
        from element in socket.GetElements(_name, set.Name, [.. bySet.Select(key => _coding.Key(key).Key)])
        where element is not null
        select Live(set, element.Value);

    private LiveElement Live(SetDefinition set, Element element) => new(_coding.Read(set, element), element.Counter?.Packets);
}
