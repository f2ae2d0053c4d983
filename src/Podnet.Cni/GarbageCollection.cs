using Podnet.Cni.Ipam;
using Podnet.Cni.Protocol;
using Podnet.Cni.Wiring;
using Podnet.Linux;
using Podnet.Netlink;

namespace Podnet.Cni;

/// <summary>
/// GC: links and addresses of the network's attachments that are not listed go. A link is the network's where a reservation
/// leads to it or, with the reservations lost, where the node's route to an address of its ranges does.
/// </summary>
/// <remarks>"The runtime must ensure that no add or delete operations are in progress before executing gc" (SPEC 1.1).</remarks>
internal static class GarbageCollection
{
    /// <summary>"If an error is encountered, a plugin should continue; removing as many resources as possible, and report the errors back."</summary>
    public static void Run(NetworkConfig config)
    {
        var faults = new List<string>();
        var valid = config.ValidAttachments.ToHashSet();
        var validContainers = config.ValidAttachments.Select(attachment => attachment.ContainerId).ToHashSet();
        var stale = AddressManager.All(config)
            .Where(r => r.Attachment is { InterfaceName: null } old ? !validContainers.Contains(old.ContainerId) : !valid.Contains(r.Attachment))
            .ToList();
        using var host = new RouteSocket();
        var links = stale.Where(r => r.Attachment.InterfaceName is not null)
            .Select(r => Attachment.HostInterfaceOf(r.Attachment.ContainerId, r.Attachment.InterfaceName!))
            .Concat(Leftovers(host, config))
            .ToHashSet();
        var kept = valid.Select(attachment => Attachment.HostInterfaceOf(attachment.ContainerId, attachment.InterfaceName!)).ToHashSet();
        links.ExceptWith(kept);
        var portsGone = RemovePorts(host, port => links.Contains(port.Link) || (!kept.Contains(port.Link) && config.Ranges.Any(set => set.Contains(port.Pod))), faults);
        var stuck = Delete(host, links, faults);
        // An address must not be free while something still leads to it.
        var free = !portsGone ? [] : stale.Where(r => r.Attachment is { InterfaceName: null }
            || !stuck.Contains(Attachment.HostInterfaceOf(r.Attachment.ContainerId, r.Attachment.InterfaceName!)));
        faults.AddRange(AddressManager.Remove(config, free));
        if (faults.Count > 0)
            throw new CniException(CniErrorCode.Internal, "not everything that is stale could be removed", string.Join("; ", faults));
    }

    private static IEnumerable<string> Leftovers(RouteSocket host, NetworkConfig config)
    {
        var ours = host.Links().Where(link => link.Group == Link.PodGroup && link.Kind == "veth").ToDictionary(link => link.Index, link => link.Name);
        return host.Routes(RouteProtocol.Podnet)
            .Where(route => route.Gateway is null && config.Ranges.Any(set => set.Contains(route.Destination.BaseAddress)))
            .Select(route => ours.GetValueOrDefault(route.Device))
            .OfType<string>();
    }

    private static bool RemovePorts(RouteSocket host, Predicate<HostPort> isStale, List<string> faults)
    {
        try
        {
            HostPorts.Remove(host, isStale);
            return true;
        }
        catch (KernelException e)
        {
            faults.Add(e.Message);
            return false;
        }
    }

    /// <summary>Those that could not be deleted.</summary>
    private static HashSet<string> Delete(RouteSocket host, IReadOnlyCollection<string> links, List<string> faults)
    {
        var requests = new RouteRequests();
        foreach (var link in links)
            requests.DeleteLink(link);
        var stuck = new HashSet<string>();
        foreach (var (link, failure) in links.Zip(host.ExecuteEach(requests)))
        {
            if (failure is null || failure.Errno == Errno.NoDevice)
                continue;
            stuck.Add(link);
            faults.Add(failure.Message);
        }

        return stuck;
    }
}
