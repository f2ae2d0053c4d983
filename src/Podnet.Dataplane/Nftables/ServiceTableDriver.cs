using System.Runtime.InteropServices;
using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Core.Services;
using Podnet.Linux;
using Podnet.Netlink.Nftables;

namespace Podnet.Dataplane.Nftables;

/// <summary>
/// Keeps the Services of one IP family in the table <c>ip podnet</c> or <c>ip6 podnet</c> of the namespace of the thread that made this.
/// </summary>
/// <remarks>
/// Every change is one transaction: a packet meets all of it or nothing. Blocking; not for several threads at once.
/// </remarks>
public sealed class ServiceTableDriver(IPFamily family, Ruleset ruleset)
{
    /// <summary>Tries to get a change in between those of others, before it goes in whatever they do: arbitrary.</summary>
    private const int Tries = 5;

    private readonly TableName _name = new(family == IPFamily.V4 ? TableFamily.Ip : TableFamily.Ip6, ServiceTable.Name);
    private readonly ElementCoding _coding = new(family);
    private readonly TableDiff _diff = new(family);
    private readonly PlanWriter _writer = new(family);
    private readonly SessionCleaner _sessions = new(family);

    /// <summary>Makes the kernel's table this one, by reading back what is there; what is right is not touched.</summary>
    /// <exception cref="KernelException">The kernel refused it: nothing has changed.</exception>
    public TablePlan Apply(ServiceTable table)
    {
        ruleset.Take(_name); // Whatever it was: all is looked at now.
        var plan = Change(have => _diff.Plan(table, have), HasElements)!;
        _sessions.EndUnwanted(ruleset, _name, table);
        return plan;
    }

    /// <summary>Brings a change into the kernel's table that has all else already. Nothing is read back: it costs what it is in size.</summary>
    /// <exception cref="KernelException">The kernel refused it, perhaps since its table is another than was thought: nothing has changed.</exception>
    public TablePlan Apply(ServiceTable table, TableChange change)
    {
        var plan = new TablePlan(family)
        {
            AddedChains = [.. change.AddedChains],
            DeletedElements = [.. change.Deleted],
            AddedElements = [.. change.Added],
            FlushedChains = [.. change.DeletedChains],
            DeletedChains = [.. change.DeletedChains],
        };
        if (!plan.IsEmpty)
            Commit(plan, generation: null);
        if (change.EndsSessions)
            _sessions.EndUnwanted(ruleset, _name, table);
        return plan;
    }

    /// <summary>Whether an earlier driver left something here.</summary>
    public bool IsThere() => ruleset.Read(_name, _ => false)?.Sets.Any(TableDiff.IsOurs) == true;

    /// <summary>What <see cref="Apply(ServiceTable)"/> would do.</summary>
    public TablePlan Preview(ServiceTable table) => _diff.Plan(table, Read());

    /// <summary>Whose clients would choose an endpoint anew after <see cref="Apply(ServiceTable)"/>: an entry for each client, with the Service's cluster IP.</summary>
    public IReadOnlyList<(FrontendAddress Service, FrontendAddress Endpoint)> PreviewSessions(ServiceTable table) =>
        [.. _sessions.Unwanted(ruleset, _name, table).Select(session => (session.Service, session.Endpoint.Value))];

    /// <summary>What <see cref="Cleanup"/> would do.</summary>
    public TablePlan PreviewCleanup() => _diff.PlanRemoval(Read());

    /// <summary>Takes away all of it, and the table too where nothing else is in it.</summary>
    public TablePlan Cleanup() => Change(_diff.PlanRemoval, HasElements)!;

    /// <summary>Puts right what somebody else has changed since the last look, and only that: it costs what was changed.</summary>
    public TablePlan Repair(ServiceTable table)
    {
        if (ruleset.Take(_name) is not { } touched)
            return new TablePlan(family);
        return (touched.IsUnknown ? null : Change(have => _diff.Plan(table, have, touched, Elements), touched.IsWhole)) ?? Apply(table);
    }

    /// <summary>How many connections each Service and endpoint took, by asking for each element: that costs what there are, where a dump costs its square.</summary>
    public ConnectionCounts ReadConnections(ServiceTable table)
    {
        var services = new Dictionary<ServicePortName, ulong>();
        var endpoints = new Dictionary<(ServicePortName, string), ulong>();
        var frontends = table.Services.SelectMany(table.FrontendsOf);
        foreach (var set in frontends.SelectMany(frontend => TableElement.Of(frontend).Select(element => (frontend.Owner, Element: element)))
            .Where(one => ServiceSets.Of(one.Element.Key.Set) is { Counter: true, Data: DataKind.Verdict or DataKind.Endpoint }).ToLookup(one => one.Element.Key.Set))
        {
            List<(ServicePortName Owner, TableElement Element)> wanted = [.. set];
            var found = ruleset.GetElements(_name, ServiceSets.Of(set.Key).Name, [.. wanted.Select(one => _coding.Key(one.Element.Key).Key)]);
            for (var i = 0; i < found.Length; i++)
            {
                var count = found[i]?.Counter?.Packets ?? 0;
                var (owner, element) = wanted[i];
                if (element.Data.Value.Address is { } address)
                    CollectionsMarshal.GetValueRefOrAddDefault(endpoints, (owner, AddressText.Of(address, element.Data.Value.Port)), out _) += count;
                else
                    CollectionsMarshal.GetValueRefOrAddDefault(services, owner, out _) += count;
            }
        }
        return new ConnectionCounts(
            family,
            [.. services.Select(service => (service.Key, service.Value))],
            [.. endpoints.Select(endpoint => new EndpointConnections(endpoint.Key.Item1, endpoint.Key.Item2, endpoint.Value))]);
    }

    private IEnumerable<TableElement> Elements(SetDefinition set, IReadOnlyList<ByteString> keys) =>
        ruleset.GetElements(_name, set.Name, keys).Where(element => element is not null).Select(element => _coding.Read(set, element!.Value));

    private void Commit(TablePlan plan, uint? generation) =>
        ruleset.Commit(_writer.Write(plan, generation), plan.AddedElements.Count + plan.DeletedElements.Count);

    private TableContent? Read() => ruleset.Read(_name, HasElements);

    private static bool HasElements(string set) => ServiceSets.All.Any(one => one.Name == set && !one.Dynamic);

    /// <summary>
    /// Reads, plans, commits; again where somebody else changed the ruleset meanwhile. Most such changes are of other tables, so where they
    /// never end, the plan is sent all the same: what was done to this table after it was read, events tell.
    /// </summary>
    /// <returns>Null where there is no plan.</returns>
    private TablePlan? Change(Func<TableContent?, TablePlan?> planFor, Predicate<string> elementsOf)
    {
        for (var attempt = 1; ; attempt++)
        {
            var have = ruleset.Read(_name, elementsOf);
            var plan = planFor(have);
            if (plan is null or { IsEmpty: true })
                return plan;
            try
            {
                Commit(plan, attempt < Tries ? have?.Generation : null);
                return plan;
            }
            catch (KernelException e) when (e.Errno == Errno.Restart && attempt < Tries)
            {
                // The plan was for a ruleset that is no more.
            }
        }
    }
}
