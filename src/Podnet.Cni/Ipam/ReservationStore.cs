using System.Net;
using System.Text;
using Podnet.Cni.Protocol;
using Podnet.Linux;

namespace Podnet.Cni.Ipam;

/// <summary>An address and who has it.</summary>
/// <param name="Holder">"CONTAINER\r\nINTERFACE", or, from an old host-local, "CONTAINER" alone.</param>
internal readonly record struct Reservation(IPAddress Address, string Holder)
{
    public AttachmentId Attachment => Holder.Split("\r\n", 2) is [var container, var link]
        ? new AttachmentId(container, link)
        : new AttachmentId(Holder, null);
}

/// <summary>
/// The reservations of one network, on disk as host-local keeps them: a folder per network, in it a file per address, named by
/// it, that holds "CONTAINER\r\nINTERFACE"; last_reserved_ip.N per range set; and "lock", which whoever reads and then
/// writes holds with flock(2). Creating it takes that lock.
/// </summary>
internal sealed class ReservationStore : IDisposable
{
    private readonly string _folder;
    private readonly FileLock _lock;

    private ReservationStore(string folder)
    {
        _folder = folder;
        _lock = FileLock.Acquire($"{folder}/lock");
    }

    /// <summary>Makes the folder if it isn't there.</summary>
    public static ReservationStore Open(NetworkConfig config)
    {
        Directory.CreateDirectory(FolderOf(config));
        return new ReservationStore(FolderOf(config));
    }

    /// <summary>Null if no address was ever reserved in the network.</summary>
    public static ReservationStore? OpenExisting(NetworkConfig config)
    {
        try
        {
            return new ReservationStore(FolderOf(config));
        }
        catch (KernelException e) when (e.Errno == Errno.NoEntry)
        {
            return null; // no such folder; Directory.Exists would say so too where it cannot be looked at
        }
    }

    public static string HolderOf(Request request) => $"{request.ContainerId}\r\n{request.InterfaceName}";

    public static bool IsHeldBy(Reservation reservation, Request request) =>
        reservation.Holder == HolderOf(request) || reservation.Holder == request.ContainerId;

    /// <summary>
    /// Every reservation. An empty file is what an ADD that was killed between open and write left behind: under the lock
    /// nobody is about to fill it, so it is taken away.
    /// </summary>
    public List<Reservation> ReadAll()
    {
        var found = new List<Reservation>();
        Span<byte> content = stackalloc byte[1024]; // a holder is at most 255 + 2 + 15 bytes; who wrote more is not us
        foreach (var path in Directory.EnumerateFiles(_folder))
        {
            if (ConfigValue.TryParseAddress(Path.GetFileName(path)) is not { } address)
                continue;
            var length = SmallFile.Read(path, content);
            if (length == 0)
                SmallFile.Delete(path);
            else if (length > 0)
                found.Add(new Reservation(address, Encoding.UTF8.GetString(content[..length]).Trim()));
        }

        return found;
    }

    /// <summary>
    /// Takes an address, for all who look from now on. False if it is taken. Nothing waits for the disk, as host-local does not: whoever has
    /// the address lives in the kernel's memory, so that what a power cut takes from the disk is no longer anybody's.
    /// </summary>
    public bool TryAdd(IPAddress address, Request request) =>
        SmallFile.TryCreate(FileOf(address), Encoding.UTF8.GetBytes(HolderOf(request)));

    public void Remove(IPAddress address) => SmallFile.Delete(FileOf(address));

    /// <summary>Null if there is none, or what is there cannot be read as one: it is only where to go on looking.</summary>
    public IPAddress? LastReserved(RangeSet set)
    {
        Span<byte> content = stackalloc byte[64];
        var length = SmallFile.Read(LastReservedFile(set), content);
        return length <= 0 ? null : ConfigValue.TryParseAddress(Encoding.UTF8.GetString(content[..length]).Trim());
    }

    public void SetLastReserved(RangeSet set, IPAddress address) =>
        SmallFile.Overwrite(LastReservedFile(set), Encoding.UTF8.GetBytes(AddressNumber.TextOf(address)));

    public void Dispose() => _lock.Dispose();

    private static string FolderOf(NetworkConfig config) => $"{config.DataDir}/{config.Name}";

    private string FileOf(IPAddress address) => $"{_folder}/{AddressNumber.TextOf(address)}";

    private string LastReservedFile(RangeSet set) => $"{_folder}/last_reserved_ip.{set.Index}";
}
