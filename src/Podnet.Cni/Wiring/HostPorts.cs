using System.Net;
using Podnet.Cni.Ipam;
using Podnet.Cni.Protocol;
using Podnet.Linux;
using Podnet.Netlink;
using Podnet.Netlink.Nftables;

namespace Podnet.Cni.Wiring;

/// <summary>
/// Keeps the host ports of this node's pods in <see cref="HostPortTable"/>. An element says in its comment whose it is, so that DEL and GC find what
/// ADD made without any record of it.
/// </summary>
internal static class HostPorts
{
    /// <summary>Tries to get a change in between those of others: arbitrary, above what a restart of a node with all its pods needs.</summary>
    private const int Tries = 100;

    /// <summary>Makes these, and no others, the host ports of a pod. All or nothing.</summary>
    /// <param name="pod">Its addresses.</param>
    public static void Set(RouteSocket host, Attachment attachment, IReadOnlyList<PortMapping> mappings, IReadOnlyList<IPAddress> pod)
    {
        var wanted = Wanted(attachment, mappings, pod);
        using var socket = new NftablesSocket();
        if (wanted.Count == 0 && !socket.HasTable(HostPortTable.Name))
            return;
        if (wanted.Exists(port => port.IsIPv4 && (port.Address is null || IPAddress.IsLoopback(port.Address))))
            Sysctl.TrySet(LocalnetSetting(attachment), "1"u8);
        var removed = Change(socket, there => Replace(host, there, attachment, wanted));
        StaleFlows.Delete(host, wanted, removed);
    }

    /// <summary>Those of a pod, whatever it had; none is fine.</summary>
    public static void Remove(RouteSocket host, Attachment attachment) => Remove(host, port => port.Link == attachment.HostInterface);

    public static void Remove(RouteSocket host, Predicate<HostPort> isStale)
    {
        using var socket = new NftablesSocket();
        if (!socket.HasTable(HostPortTable.Name))
            return;
        var removed = Change(socket, there => [.. there.Where(port => !isStale(port))]);
        StaleFlows.Delete(host, [], removed);
    }

    /// <summary>What is not as <see cref="Set"/> left it.</summary>
    public static IEnumerable<string> Faults(Attachment attachment, IReadOnlyList<PortMapping> mappings, IReadOnlyList<IPAddress> pod)
    {
        if (mappings.Count == 0)
            yield break;
        using var socket = new NftablesSocket();
        if (socket.Read(HostPortTable.Name) is not { } content)
        {
            yield return $"table {HostPortTable.Name} is not there: no host port leads anywhere";
            yield break;
        }

        if (!HostPortTable.IsWhole(content))
            yield return $"table {HostPortTable.Name} is not as it was made: the next ADD with host ports repairs it";
        var there = PortsIn(content);
        var wanted = Wanted(attachment, mappings, pod);
        foreach (var port in wanted.Where(port => !there.Contains(port)))
            yield return $"{port} of the node does not lead to {new IPEndPoint(port.Pod, port.PodPort)}";
        var isLocal = wanted.Exists(port => port.IsIPv4 && (port.Address is null || IPAddress.IsLoopback(port.Address)));
        if (isLocal && Sysctl.Exists(LocalnetSetting(attachment)) && Sysctl.Read(LocalnetSetting(attachment)) == "0")
            yield return $"{LocalnetSetting(attachment)} is 0: 127.0.0.1 does not lead to the container";
    }

    /// <summary>Lets packets between 127.0.0.1 and this one pod pass; <see cref="HostPortTable"/> lets only the node begin.</summary>
    private static string LocalnetSetting(Attachment attachment) => $"net.ipv4.conf.{attachment.HostInterface}.route_localnet";

    private static List<HostPort> Wanted(Attachment attachment, IReadOnlyList<PortMapping> mappings, IReadOnlyList<IPAddress> pod)
    {
        var comment = HostPort.CommentFor(attachment);
        var wanted = new List<HostPort>();
        foreach (var mapping in mappings)
        {
            var ports = HostPort.Of(mapping, pod, comment).Except(wanted).ToList();
            if (mapping.HostAddress is { } address && !pod.Any(own => AddressNumber.IsIPv4(own) == AddressNumber.IsIPv4(address)))
                throw new CniException(CniErrorCode.InvalidConfig, $"host port {mapping.HostPort} of {address} cannot lead to the pod: it has no address of that family");
            if (ports.Find(port => wanted.Exists(port.Overlaps)) is { } twice)
                throw new CniException(CniErrorCode.InvalidConfig, $"runtimeConfig.portMappings has {twice} twice");
            wanted.AddRange(ports);
        }

        return wanted;
    }

    /// <summary>What is there, with the wanted in place of what the pod has, and of what leads to pods whose links are gone.</summary>
    private static List<HostPort> Replace(RouteSocket host, List<HostPort> there, Attachment attachment, List<HostPort> wanted)
    {
        var kept = there.FindAll(port => port.Link != attachment.HostInterface);
        foreach (var taken in kept.FindAll(port => wanted.Exists(port.Overlaps)))
        {
            if (taken.Link.Length == 0 || host.FindLink(taken.Link) is not null)
                throw new CniException(CniErrorCode.PortTaken, $"{taken} of the node is taken", $"it leads to {new IPEndPoint(taken.Pod, taken.PodPort)} ({taken.Comment})");
            kept.RemoveAll(port => port.Link == taken.Link);
        }

        return [.. kept, .. wanted];
    }

    /// <summary>Reads, plans, commits; again where somebody else changed the ruleset meanwhile. A table that is not as it was made is made anew.</summary>
    /// <param name="plan">From what is there to what is to be there.</param>
    /// <returns>What was removed.</returns>
    private static List<HostPort> Change(NftablesSocket socket, Func<List<HostPort>, List<HostPort>> plan)
    {
        for (var attempt = 1; ; attempt++)
        {
            var generation = socket.Generation();
            var content = socket.Read(HostPortTable.Name);
            var there = content is null ? [] : PortsIn(content);
            var wanted = plan(there);
            var transaction = new Transaction(HostPortTable.Name, content?.Generation ?? generation);
            Write(transaction, content, there, wanted);
            try
            {
                if (!transaction.IsEmpty)
                    socket.Commit(transaction);
                return [.. there.Except(wanted)];
            }
            catch (KernelException e) when (e.Errno == Errno.Restart && attempt < Tries)
            {
                // The plan was for a ruleset that is no more.
            }
        }
    }

    private static void Write(Transaction transaction, TableContent? content, List<HostPort> there, List<HostPort> wanted)
    {
        var isWhole = content is not null && HostPortTable.IsWhole(content);
        if (isWhole && there.ToHashSet().SetEquals(wanted))
            return;
        if (content is not null && !isWhole)
            transaction.DeleteTable();
        if (!isWhole)
            HostPortTable.Make(transaction);
        foreach (var ipv4 in (ReadOnlySpan<bool>)[true, false])
        {
            var (ports, pods) = (HostPortTable.PortsOf(ipv4).Name, HostPortTable.PodsOf(ipv4).Name);
            WriteElements(transaction, ports, Elements(content, isWhole, ports), [.. wanted.Where(port => port.IsIPv4 == ipv4).Select(port => port.ToElement())]);
            WriteElements(transaction, pods, Elements(content, isWhole, pods), [.. wanted.Where(port => port.IsIPv4 == ipv4).Select(port => HostPortTable.Pod(port.Pod, port.Comment)).Distinct()]);
        }
    }

    private static List<Element> Elements(TableContent? content, bool isWhole, string set) => isWhole ? content!.Elements[set] : [];

    private static void WriteElements(Transaction transaction, string set, List<Element> have, List<Element> wanted) =>
        transaction.DeleteElements(set, have.Except(wanted)).AddElements(set, wanted.Except(have));

    /// <summary>Of a table that somebody else made under this name: none.</summary>
    private static List<HostPort> PortsIn(TableContent content) =>
    [
        .. from ipv4 in (bool[])[true, false]
           let set = HostPortTable.PortsOf(ipv4)
           where content.Sets.Contains(set)
           from element in content.Elements[set.Name]
           select HostPort.Read(element),
    ];
}
