using System.Globalization;
using System.Runtime.InteropServices;

namespace Podnet.Linux;

/// <summary>Signal numbers (asm-generic/signal.h) and kill(2).</summary>
public static class Signals
{
    public const int Interrupt = 2;
    public const int Quit = 3;
    public const int Kill = 9;
    public const int Terminate = 15;

    /// <summary>From 1 on.</summary>
    private static readonly string[] Names =
    [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT",
        "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];

    /// <summary>"SIGQUIT", "quit", "3" or "SIGRTMIN+3" (the first that glibc leaves to programs, 34); null for anything else.</summary>
    public static int? Parse(string text)
    {
        const int firstRealTime = 34;
        const int last = 64;
        var name = text.StartsWith("SIG", StringComparison.OrdinalIgnoreCase) ? text[3..] : text;
        var number = name.StartsWith("RTMIN", StringComparison.OrdinalIgnoreCase) ? name["RTMIN".Length..] : name;
        if (int.TryParse(number, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var parsed) || number.Length == 0)
        {
            var signal = number.Length < name.Length ? firstRealTime + parsed : parsed;
            return signal is >= 1 and <= last ? signal : null;
        }

        var index = Array.FindIndex(Names, known => known.Equals(name, StringComparison.OrdinalIgnoreCase));
        return index < 0 ? null : index + 1;
    }

    /// <summary>False if there is no such process any more.</summary>
    public static bool Send(int pid, int signal)
    {
        if (Libc.kill(pid, signal) == 0)
            return true;
        var errno = (Errno)Marshal.GetLastPInvokeError();
        return errno == Errno.NoProcess ? false : throw new KernelException(errno, $"send signal {signal} to process {pid}");
    }
}
