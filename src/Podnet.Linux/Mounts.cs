using System.Runtime.InteropServices;

namespace Podnet.Linux;

/// <summary>mount(2) and umount(2), for what a local cluster mounts.</summary>
public static class Mounts
{
    public static void Bind(string source, string target)
    {
        if (Libc.mount(source, target, null, Libc.MS_BIND, null) != 0)
            throw KernelException.FromLastError($"bind {source} to {target}");
    }

    /// <param name="size">In the words of tmpfs(5): "64m".</param>
    public static void Tmpfs(string target, string size)
    {
        if (Libc.mount("tmpfs", target, "tmpfs", Libc.MS_NOSUID, $"mode=0755,size={size}") != 0)
            throw KernelException.FromLastError($"mount a tmpfs on {target}");
    }

    /// <param name="lowers">Lower layers, the topmost first; see Documentation/filesystems/overlayfs.rst.</param>
    public static void Overlay(string target, IEnumerable<string> lowers, string upper, string work)
    {
        var options = $"lowerdir={string.Join(':', lowers)},upperdir={upper},workdir={work}";
        if (Libc.mount("overlay", target, "overlay", 0, options) != 0)
            throw KernelException.FromLastError($"mount an overlay on {target} ({options})");
    }

    /// <summary>From now on nothing can be written through this mount.</summary>
    public static void MakeReadOnly(string target)
    {
        if (Libc.mount(null, target, null, Libc.MS_REMOUNT | Libc.MS_BIND | Libc.MS_RDONLY, null) != 0)
            throw KernelException.FromLastError($"make {target} read only");
    }

    /// <summary>The file that hides a name of the layers below it: a character device 0/0 (overlayfs.rst, "whiteouts").</summary>
    public static void CreateWhiteout(string path)
    {
        const uint characterDevice = 0x2000; // S_IFCHR
        if (Libc.mknod(path, characterDevice, 0) != 0)
            throw KernelException.FromLastError($"create whiteout {path}");
    }

    /// <summary>Makes a folder of an upper layer hide the one below it instead of merging with it (overlayfs.rst, "opaque").</summary>
    public static unsafe void MakeOpaque(string folder)
    {
        var yes = (byte)'y';
        if (Libc.lsetxattr(folder, "trusted.overlay.opaque", &yes, 1, 0) != 0)
            throw KernelException.FromLastError($"make {folder} opaque");
    }

    /// <summary>Whether a folder of a layer hides the ones below it.</summary>
    public static unsafe bool IsOpaque(string folder)
    {
        byte value;
        return Libc.lgetxattr(folder, "trusted.overlay.opaque", &value, 1) == 1 && value == (byte)'y';
    }

    /// <summary>Detaches what is mounted there, now for the eye and for real when its last user ends. False if nothing was.</summary>
    public static bool UnmountIfMounted(string target)
    {
        if (Libc.umount2(target, Libc.MNT_DETACH | Libc.UMOUNT_NOFOLLOW) == 0)
            return true;
        var errno = (Errno)Marshal.GetLastPInvokeError();
        return errno is Errno.Invalid or Errno.NoEntry
            ? false
            : throw new KernelException(errno, $"unmount {target}");
    }

    /// <summary>Every mount point at or below a folder, the deepest and latest first: the order to unmount in.</summary>
    public static IReadOnlyList<string> Below(string folder)
    {
        var found = new List<string>();
        foreach (var line in File.ReadLines("/proc/self/mountinfo"))
        {
            // proc(5): the fifth field is the mount point, with space, tab, newline and backslash as octal escapes.
            var point = Unescape(line.Split(' ')[4]);
            if (point == folder || point.StartsWith(folder + "/", StringComparison.Ordinal))
                found.Add(point);
        }

        found.Reverse();
        return found;
    }

    private static string Unescape(string field) =>
        field.Replace("\\040", " ").Replace("\\011", "\t").Replace("\\012", "\n").Replace("\\134", "\\");
}
