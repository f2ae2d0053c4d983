using System.Runtime.InteropServices;

namespace Podnet.Linux;

/// <summary>The one error for what the kernel refuses: which operation, which errno, and the kernel's own words where it gave some.</summary>
public sealed class KernelException : IOException
{
    public KernelException(Errno errno, string operation, string? detail = null)
        : base(Format(errno, operation, detail))
    {
        Errno = errno;
        Operation = operation;
        Detail = detail;
    }

    public Errno Errno { get; }

    /// <summary>What was asked of the kernel, with its object: "mount overlay on /run/x".</summary>
    public string Operation { get; }

    /// <summary>The extended-ACK text of a netlink reply (NLMSGERR_ATTR_MSG), if the kernel sent one.</summary>
    public string? Detail { get; }

    /// <summary>For the errno that the last P/Invoke of this thread left behind.</summary>
    public static KernelException FromLastError(string operation) =>
        new((Errno)Marshal.GetLastPInvokeError(), operation);

    private static string Format(Errno errno, string operation, string? detail)
    {
        var text = $"{operation}: {Marshal.GetPInvokeErrorMessage((int)errno)}";
        return detail is null ? text : $"{text} ({detail})";
    }
}
