using System.Net;
using Podnet.Cni.Protocol;
using Podnet.Linux;

namespace Podnet.Cni.Ipam;

/// <summary>The addresses of one ADD.</summary>
/// <param name="Addresses">One of each range set, in their order.</param>
/// <param name="New">Those that this ADD reserved; the rest an earlier, unfinished ADD of the same container had.</param>
internal sealed record Allocation(IReadOnlyList<IPAddress> Addresses, IReadOnlyList<IPAddress> New);

/// <summary>Gives addresses to (container, interface), takes them back, and never gives one twice.</summary>
internal static class AddressManager
{
    /// <summary>
    /// One address of each range set: the requested one where one was requested, else the next free one. What this container
    /// and interface have already they keep. All or nothing.
    /// </summary>
    /// <param name="isNodes">Whether it is an address of the node itself, such as that of an older plugin's bridge. Null: no such there.</param>
    public static Allocation Allocate(NetworkConfig config, Request request, Predicate<IPAddress>? isNodes = null) =>
        OnDisk(() => Reserve(config, request, isNodes ?? (_ => false)));

    private static Allocation Reserve(NetworkConfig config, Request request, Predicate<IPAddress> isNodes)
    {
        using var store = ReservationStore.Open(config);
        var reservations = store.ReadAll();
        var taken = Numbers(reservations);
        var requested = RequestedBySet(config);
        var added = new List<IPAddress>();
        try
        {
            var addresses = new List<IPAddress>();
            foreach (var set in config.Ranges)
            {
                var held = reservations.Find(r => set.Contains(r.Address) && ReservationStore.IsHeldBy(r, request)).Address;
                var wanted = requested[set.Index];
                if (held is not null && (wanted is null || wanted.Equals(held)))
                {
                    addresses.Add(held);
                    continue;
                }

                if (held is not null)
                    throw new CniException(
                        CniErrorCode.AddressTaken, $"{wanted} is requested for a container that holds {held}: DEL it first");
                var address = wanted is null ? TakeNext(store, set, taken, request, isNodes) : Take(store, set, wanted, request, isNodes);
                added.Add(address);
                addresses.Add(address);
                store.SetLastReserved(set, address);
            }

            return new Allocation(addresses, added);
        }
        catch
        {
            added.ForEach(store.Remove);
            throw;
        }
    }

    /// <summary>Takes back what an ADD reserved that did not succeed.</summary>
    public static void Undo(NetworkConfig config, Allocation allocation) => OnDisk(() =>
    {
        using var store = ReservationStore.Open(config);
        foreach (var address in allocation.New)
            store.Remove(address);
        return true;
    });

    /// <summary>Takes back everything that this container and interface have, also in ranges that the configuration no longer names.</summary>
    public static void Release(NetworkConfig config, Request request) => OnDisk(() =>
    {
        using var store = ReservationStore.OpenExisting(config);
        foreach (var reservation in store?.ReadAll() ?? [])
        {
            if (ReservationStore.IsHeldBy(reservation, request))
                store!.Remove(reservation.Address);
        }

        return true;
    });

    /// <summary>What this container and interface have.</summary>
    public static IReadOnlyList<IPAddress> HeldBy(NetworkConfig config, Request request) => OnDisk(() =>
    {
        using var store = ReservationStore.OpenExisting(config);
        return (store?.ReadAll() ?? []).Where(r => ReservationStore.IsHeldBy(r, request)).Select(r => r.Address).ToList();
    });

    /// <summary>Everything that is reserved in the network.</summary>
    public static IReadOnlyList<Reservation> All(NetworkConfig config) => OnDisk(() =>
    {
        using var store = ReservationStore.OpenExisting(config);
        return store?.ReadAll() ?? [];
    });

    /// <summary>Takes back reservations, whoever has them; goes on after one that the disk keeps.</summary>
    /// <returns>Why those are kept.</returns>
    public static IReadOnlyList<string> Remove(NetworkConfig config, IEnumerable<Reservation> reservations) => OnDisk(() =>
    {
        using var store = ReservationStore.OpenExisting(config);
        var faults = new List<string>();
        foreach (var reservation in reservations)
        {
            try
            {
                store?.Remove(reservation.Address);
            }
            catch (KernelException e)
            {
                faults.Add(e.Message);
            }
        }

        return faults;
    });

    /// <summary>The first set in which every address is taken; null while an ADD can succeed.</summary>
    public static RangeSet? FullSet(NetworkConfig config)
    {
        var taken = Numbers(All(config));
        return config.Ranges.FirstOrDefault(set => set.NextFree(null, taken) is null);
    }

    private static HashSet<UInt128> Numbers(IEnumerable<Reservation> reservations) =>
        reservations.Select(reservation => AddressNumber.Of(reservation.Address)).ToHashSet();

    private static IPAddress TakeNext(ReservationStore store, RangeSet set, HashSet<UInt128> taken, Request request, Predicate<IPAddress> isNodes)
    {
        var last = store.LastReserved(set);
        while (set.NextFree(last, taken) is { } address)
        {
            if (!isNodes(address) && store.TryAdd(address, request))
                return address;
            taken.Add(AddressNumber.Of(address)); // by the node, or a file in the way that was no readable reservation
        }

        throw new CniException(CniErrorCode.NoAddressLeft, $"no address is left in {set}");
    }

    private static IPAddress Take(ReservationStore store, RangeSet set, IPAddress wanted, Request request, Predicate<IPAddress> isNodes) =>
        !isNodes(wanted) && store.TryAdd(wanted, request)
            ? wanted
            : throw new CniException(CniErrorCode.AddressTaken, $"the requested address {wanted} of {set} is taken");

    private static IPAddress?[] RequestedBySet(NetworkConfig config)
    {
        var bySet = new IPAddress?[config.Ranges.Count];
        foreach (var address in config.RequestedAddresses)
        {
            var set = config.Ranges.FirstOrDefault(set => set.Contains(address)) ?? throw new CniException(
                CniErrorCode.InvalidConfig,
                $"the requested address {address} is in none of the ranges",
                $"a pod may have an address of {string.Join("; ", config.Ranges)}, but no network or broadcast address");
            if (bySet[set.Index] is { } other && !other.Equals(address))
                throw new CniException(CniErrorCode.InvalidConfig, $"{other} and {address} are both requested of {set}");
            bySet[set.Index] = address;
        }

        return bySet;
    }

    /// <summary>What the disk refuses (full, read-only, no permission) is code 5.</summary>
    private static T OnDisk<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CniException(CniErrorCode.InputOutput, "cannot read or write the address reservations", e.Message);
        }
    }
}
