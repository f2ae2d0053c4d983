using System.Runtime.InteropServices;
using Podnet.Linux;

namespace Podnet.Testing;

/// <summary>
/// Lets the kernel refuse what the calling thread sends, and the programs that it starts, with ENOBUFS: what sendto(2) says where the kernel
/// has no memory for a datagram. A seccomp filter (linux/seccomp.h), which stays until the thread ends.
/// </summary>
public static unsafe partial class RefusedSends
{
    private const int PR_SET_SECCOMP = 22;
    private const int SECCOMP_MODE_FILTER = 2;
    private const uint SECCOMP_RET_ERRNO = 0x0005_0000;
    private const uint SECCOMP_RET_ALLOW = 0x7fff_0000;

    // linux/bpf_common.h: BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_JMP | BPF_JGT | BPF_K, BPF_RET | BPF_K.
    private const ushort LD_W_ABS = 0x20;
    private const ushort JEQ = 0x15;
    private const ushort JGT = 0x25;
    private const ushort RET = 0x06;

    // struct seccomp_data: the call's number, and the lower half of its third argument.
    private const uint Number = 0;
    private const uint ThirdArgument = 32;

    /// <param name="longest">Datagrams of up to so many bytes still go: questions. What is sent by sendmsg(2), as iptables' transactions are, never.</param>
    public static void FromThisThreadOn(int longest)
    {
        // asm/unistd_64.h, asm-generic/unistd.h.
        var (sendto, sendmsg) = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? (44u, 46u) : (206u, 211u);
        ReadOnlySpan<Instruction> filter =
        [
            new(LD_W_ABS, 0, 0, Number),
            new(JEQ, 4, 0, sendmsg),
            new(JEQ, 0, 2, sendto),
            new(LD_W_ABS, 0, 0, ThirdArgument),
            new(JGT, 1, 0, (uint)longest),
            new(RET, 0, 0, SECCOMP_RET_ALLOW),
            new(RET, 0, 0, SECCOMP_RET_ERRNO | (uint)Errno.NoBufferSpace),
        ];
        fixed (Instruction* first = filter)
        {
            var program = new Program { Length = (ushort)filter.Length, Filter = first };
            if (Prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
                throw KernelException.FromLastError("set a seccomp filter");
        }
    }

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int Prctl(int option, nuint mode, Program* program);

    /// <summary>struct sock_filter (linux/filter.h).</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Instruction(ushort Code, byte IfTrue, byte IfFalse, uint Value);

    /// <summary>struct sock_fprog.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Program
    {
        public ushort Length;
        public Instruction* Filter;
    }
}
