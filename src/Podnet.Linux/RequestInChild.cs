namespace Podnet.Linux;

/// <summary>A netlink request that a child process has in hand (<see cref="KernelSocket.TrySendFromChild"/>).</summary>
public readonly unsafe struct RequestInChild
{
    private readonly int _pid;

    internal RequestInChild(int pid) => _pid = pid;

    /// <summary>Null while the kernel works on it. <see cref="Errno.NoChild"/> where somebody else has taken its end.</summary>
    public Errno? ResultIfDone()
    {
        Libc.SigInfo info = default; // stays zero where nothing has ended (waitid(2))
        if (Libc.waitid(Libc.P_PID, (uint)_pid, &info, Libc.WEXITED | Libc.WNOHANG) != 0)
            return Errno.NoChild;
        return info.Pid == 0 ? null : (Errno)info.Status;
    }
}
