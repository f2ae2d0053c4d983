using System.Runtime.ExceptionServices;

namespace Podnet.Linux;

/// <summary>
/// A network namespace, held open by a file descriptor. Named ones are bind mounts under /run/netns, where
/// <c>ip netns</c> looks for them (iproute2, ip-netns(8)).
/// </summary>
public sealed class NetworkNamespace : IDisposable
{
    public const string Directory = "/run/netns";

    /// <summary>A millisecond apart: arbitrary.</summary>
    private const int TriesBack = 100;

    private readonly FileHandle _handle;

    private NetworkNamespace(FileHandle handle, string path)
    {
        _handle = handle;
        Path = path;
    }

    /// <summary>Where it was opened from: a file under /run/netns, or /proc/PID/ns/net.</summary>
    public string Path { get; }

    /// <summary>The descriptor's number, valid until this is disposed: what netlink wants where it names a namespace (IFLA_NET_NS_FD).</summary>
    public int Descriptor => _handle.Fd;

    public static string PathOf(string name) => $"{Directory}/{name}";

    public static bool Exists(string name) => File.Exists(PathOf(name));

    public static NetworkNamespace Open(string path) =>
        // Not to wait for a writer where the path is a FIFO by mistake.
        new(FileHandle.Open(path, Libc.O_RDONLY | Libc.O_NONBLOCK, $"open network namespace {path}"), path);

    public static NetworkNamespace OpenNamed(string name) => Open(PathOf(name));

    public static NetworkNamespace OfProcess(int pid) => Open($"/proc/{pid}/ns/net");

    /// <summary>The namespace of the calling thread.</summary>
    public static NetworkNamespace Current() => Open("/proc/thread-self/ns/net");

    /// <summary>Makes a namespace that is bound to a name. Errors: EEXIST where the name is taken.</summary>
    public static NetworkNamespace CreateNamed(string name)
    {
        System.IO.Directory.CreateDirectory(Directory);
        var path = PathOf(name);
        try
        {
            File.Open(path, FileMode.CreateNew, FileAccess.Write).Dispose();
        }
        catch (IOException) when (File.Exists(path))
        {
            throw new KernelException(Errno.Exists, $"create network namespace {name}");
        }

        try
        {
            OnNewNamespaceThread(() => Mounts.Bind("/proc/thread-self/ns/net", path));
            return Open(path);
        }
        catch
        {
            File.Delete(path);
            throw;
        }
    }

    /// <summary>Makes a namespace without a name: it lives as long as this object or a process in it.</summary>
    public static NetworkNamespace CreateAnonymous()
    {
        NetworkNamespace? made = null;
        OnNewNamespaceThread(() => made = Current());
        return made!;
    }

    /// <summary>Takes the name away; the namespace ends with its last process. True if there was one.</summary>
    public static bool DeleteNamed(string name)
    {
        var path = PathOf(name);
        if (!File.Exists(path))
            return false;
        Mounts.UnmountIfMounted(path);
        File.Delete(path);
        return true;
    }

    /// <summary>What the kernel calls it, "net:[4026532008]": equal for two handles of the same namespace (namespaces(7)).</summary>
    public string Identity() => Run(() => IdentityOf("/proc/thread-self/ns/net"));

    /// <summary>The same of a process's namespace, by its link under /proc.</summary>
    public static string IdentityOf(string link) =>
        File.ResolveLinkTarget(link, returnFinalTarget: false)?.Name ?? throw new KernelException(Errno.NoEntry, $"read {link}");

    /// <summary>
    /// Runs synchronous work on a thread of its own inside this namespace. Sockets opened there stay in it; children
    /// started there are born in it. The thread ends with the work, so no pooled thread is ever left in a foreign namespace;
    /// for the same reason the work must not <c>await</c>.
    /// </summary>
    public T Run<T>(Func<T> work)
    {
        T? result = default;
        OnThread(() =>
        {
            if (Libc.setns(_handle.Fd, Libc.CLONE_NEWNET) != 0)
                throw KernelException.FromLastError($"enter network namespace {Path}");
            result = work();
        });
        return result!;
    }

    public void Run(Action work) => Run(() =>
    {
        work();
        return true;
    });

    /// <summary>
    /// As <see cref="Run{T}"/>, on the calling thread, which is brought back: for a program of one thread, that lives for
    /// milliseconds and would wait for a second one.
    /// </summary>
    public T RunHere<T>(Func<T> work)
    {
        using var home = Current();
        if (Libc.setns(_handle.Fd, Libc.CLONE_NEWNET) != 0)
            throw KernelException.FromLastError($"enter network namespace {Path}");
        try
        {
            return work();
        }
        finally
        {
            for (var failures = 0; Libc.setns(home._handle.Fd, Libc.CLONE_NEWNET) != 0;)
            {
                // It needs a little memory. Whatever came next would be done to the wrong namespace.
                if (++failures == TriesBack)
                    Environment.FailFast("the way back out of a network namespace is barred");
                Thread.Sleep(1);
            }
        }
    }

    public void Dispose() => _handle.Dispose();

    private static void OnNewNamespaceThread(Action work) => OnThread(() =>
    {
        if (Libc.unshare(Libc.CLONE_NEWNET) != 0)
            throw KernelException.FromLastError("make a network namespace");
        work();
    });

    private static void OnThread(Action work)
    {
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                work();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        })
        { IsBackground = true, Name = "netns" };
        thread.Start();
        thread.Join();
        failure?.Throw();
    }
}
