using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Podnet.Linux;

/// <summary>
/// Waits for any number of children on one thread: a pidfd per child in one epoll set, so that nobody reaps the children of
/// somebody else in this process, as a wait for "any child" would.
/// </summary>
internal static unsafe class Reaper
{
    private static readonly ConcurrentDictionary<int, TaskCompletionSource<ExitStatus>> Waiting = new();
    private static readonly Lazy<int> Epoll = new(StartThread);

    internal static Task<ExitStatus> Watch(int pid)
    {
        var pidfd = (int)Libc.syscall(Libc.SYS_pidfd_open, pid, 0);
        if (pidfd < 0)
            throw KernelException.FromLastError($"watch process {pid}");
        var source = new TaskCompletionSource<ExitStatus>(TaskCreationOptions.RunContinuationsAsynchronously);
        Waiting[pidfd] = source;
        var item = new EpollEvent { Events = Libc.EPOLLIN, Fd = pidfd };
        if (Libc.epoll_ctl(Epoll.Value, Libc.EPOLL_CTL_ADD, pidfd, &item) != 0)
            throw KernelException.FromLastError($"watch process {pid}");
        return source.Task;
    }

    private static int StartThread()
    {
        var epoll = Libc.epoll_create1(Libc.EPOLL_CLOEXEC);
        if (epoll < 0)
            throw KernelException.FromLastError("make an epoll set");
        new Thread(() => Loop(epoll)) { IsBackground = true, Name = "reaper" }.Start();
        return epoll;
    }

    private static void Loop(int epoll)
    {
        const int batch = 16; // arbitrary
        var items = stackalloc EpollEvent[batch];
        while (true)
        {
            var count = Libc.epoll_wait(epoll, items, batch, -1);
            for (var i = 0; i < count; i++)
                Reap(epoll, items[i].Fd);
        }
    }

    private static void Reap(int epoll, int pidfd)
    {
        const int exited = 1; // CLD_EXITED; CLD_KILLED and CLD_DUMPED carry a signal instead of a code
        Libc.SigInfo info = default;
        var failed = Libc.waitid(Libc.P_PIDFD, (uint)pidfd, &info, Libc.WEXITED) != 0;
        var errno = failed ? (Errno)Marshal.GetLastPInvokeError() : Errno.None;
        Libc.epoll_ctl(epoll, Libc.EPOLL_CTL_DEL, pidfd, null);
        Waiting.TryRemove(pidfd, out var source);
        Libc.close(pidfd);
        if (failed)
            source?.SetException(new KernelException(errno, "wait for a child"));
        else
            source?.SetResult(info.Code == exited ? new ExitStatus(info.Status, 0) : new ExitStatus(0, info.Status));
    }

    /// <summary>struct epoll_event as x86-64 has it: packed (sys/epoll.h).</summary>
    [StructLayout(LayoutKind.Explicit, Size = 12)]
    private struct EpollEvent
    {
        [FieldOffset(0)]
        internal uint Events;
        [FieldOffset(4)]
        internal int Fd;
    }
}
