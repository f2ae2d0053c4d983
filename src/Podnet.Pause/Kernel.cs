using System;
using System.Runtime;
using System.Runtime.CompilerServices;

namespace Podnet.Pause;

/// <summary>The system calls that pause needs, by the kernel's own numbers (asm/unistd_64.h).</summary>
internal static unsafe class Kernel
{
    private const int Write = 1;
    private const int RtSigprocmask = 14;
    private const int Getpid = 39;
    private const int Wait4 = 61;
    private const int RtSigtimedwait = 128;
    private const int ExitGroup = 231;

    // The kernel's signal set is one 64-bit word, not glibc's 128 bytes.
    private const int SignalSetSize = 8;

    internal static int ProcessId => (int)Call(Getpid, 0, 0, 0, 0);

    internal static void Print(ReadOnlySpan<byte> text)
    {
        const int standardError = 2;
        Call(Write, standardError, (nint)text.Start, text.Length, 0);
    }

    /// <summary>
    /// Keeps them pending until <see cref="NextSignal"/> takes them. A blocked signal is kept even where its default is to be
    /// ignored, as SIGCHLD's is, and also for PID 1, which else gets only signals that it has a handler for.
    /// </summary>
    internal static void Block(ulong signals)
    {
        const int sigBlock = 0;
        Call(RtSigprocmask, sigBlock, (nint)(&signals), 0, SignalSetSize);
    }

    /// <summary>Waits for one of them and takes it. Negative (EINTR) after a stop and a continue.</summary>
    internal static int NextSignal(ulong signals) => (int)Call(RtSigtimedwait, (nint)(&signals), 0, 0, SignalSetSize);

    /// <summary>Takes one ended child away; false if there is none now.</summary>
    internal static bool ReapChild()
    {
        const int anyChild = -1;
        const int withoutWaiting = 1; // WNOHANG
        return Call(Wait4, anyChild, 0, withoutWaiting, 0) > 0;
    }

    internal static void Exit(int code) => Call(ExitGroup, code, 0, 0, 0);

    [RuntimeImport("system_call")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    private static extern nint Call(nint number, nint a, nint b, nint c, nint d);
}
