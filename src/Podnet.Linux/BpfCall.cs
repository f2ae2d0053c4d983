using System.Runtime.InteropServices;

namespace Podnet.Linux;

/// <summary>bpf(2). What its commands say is not known here.</summary>
public static unsafe class BpfCall
{
    /// <summary>
    /// The result of a command, or minus the errno. The attributes are the part of <c>union bpf_attr</c> (linux/bpf.h) that the command has;
    /// the kernel takes what is missing at its end for zeros.
    /// </summary>
    public static int Try<T>(int command, ref T attributes)
        where T : unmanaged
    {
        fixed (T* start = &attributes)
        {
            var result = Libc.bpf(Number, command, start, (uint)sizeof(T));
            return result >= 0 ? (int)result : -Marshal.GetLastPInvokeError();
        }
    }

    /// <summary>As <see cref="Try"/>, of a command that opens something.</summary>
    public static FileHandle Open<T>(int command, ref T attributes, string operation)
        where T : unmanaged
    {
        var result = Try(command, ref attributes);
        return result >= 0 ? new FileHandle(result) : throw new KernelException((Errno)(-result), operation);
    }

    /// <summary>__NR_bpf: glibc has no function of that name.</summary>
    private static nint Number => RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 321,
        Architecture.Arm64 or Architecture.RiscV64 => 280,
        var other => throw new KernelException(Errno.NotSupported, $"bpf(2) on {other}"),
    };
}
