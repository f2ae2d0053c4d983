using System.Runtime.InteropServices;

namespace Podnet.Linux;

/// <summary>Signal numbers (asm-generic/signal.h) and kill(2).</summary>
public static class Signals
{
    public const int Interrupt = 2;
    public const int Quit = 3;
    public const int Kill = 9;
    public const int Terminate = 15;

    /// <summary>False if there is no such process any more.</summary>
    public static bool Send(int pid, int signal)
    {
        if (Libc.kill(pid, signal) == 0)
            return true;
        var errno = (Errno)Marshal.GetLastPInvokeError();
        return errno == Errno.NoProcess ? false : throw new KernelException(errno, $"send signal {signal} to process {pid}");
    }
}
