using System.Text;
using Podnet.Linux;
using static Podnet.Bpf.BpfWire;

namespace Podnet.Bpf;

/// <summary>A program that the kernel has checked and holds; it lives as long as this, or what it is attached to.</summary>
public sealed unsafe class BpfProgram : IDisposable
{
    private const uint Classifier = 3; // BPF_PROG_TYPE_SCHED_CLS
    private const int InstructionSize = 8;

    /// <summary>The kernel says what it did not like behind everything that it looked at: hundreds of kilobytes where it had looked at much.</summary>
    private const int LogSize = 1 << 22;

    private readonly FileHandle _handle;

    private BpfProgram(FileHandle handle) => _handle = handle;

    public int Descriptor => _handle.Descriptor;

    /// <summary>What others know it by, of all programs of the machine.</summary>
    public uint Id
    {
        get
        {
            ProgramInfo info;
            var attributes = new InfoAttributes { Descriptor = Descriptor, Length = (uint)sizeof(ProgramInfo), Info = (ulong)&info };
            var result = BpfCall.Try(GetInfo, ref attributes);
            return result >= 0 ? info.Id : throw new KernelException((Errno)(-result), "ask for a BPF program's number");
        }
    }

    /// <summary>
    /// For tc. The license is GPL: functions of the kernel may be called by no other. Errors: EACCES and EINVAL where the kernel's check finds
    /// a fault, with its own words; EPERM without CAP_BPF and CAP_NET_ADMIN.
    /// </summary>
    /// <param name="name">At most 15 of letters, digits, _ and .</param>
    /// <param name="module">Of the module whose functions it calls; null where it calls only the kernel's own.</param>
    public static BpfProgram LoadClassifier(string name, ReadOnlySpan<byte> instructions, FileHandle? module)
    {
        var types = stackalloc int[] { 0, module?.Descriptor ?? 0 };
        fixed (byte* code = instructions, license = "GPL\0"u8)
        {
            var attributes = new ProgramAttributes
            {
                Type = Classifier,
                InstructionCount = (uint)(instructions.Length / InstructionSize),
                Instructions = (ulong)code,
                License = (ulong)license,
                Name = ObjectName.Of(name),
                TypeDescriptors = module is null ? 0 : (ulong)types,
            };
            try
            {
                return new BpfProgram(BpfCall.Open(LoadProgram, ref attributes, $"load BPF program {name}"));
            }
            catch (KernelException e) when (e.Errno is Errno.Access or Errno.Invalid)
            {
                throw new KernelException(e.Errno, e.Operation, Fault(attributes));
            }
        }
    }

    public void Dispose() => _handle.Dispose();

    /// <summary>Once more, for the kernel's words: the last lines before it counts what it did.</summary>
    private static string? Fault(ProgramAttributes attributes)
    {
        var log = new byte[LogSize];
        fixed (byte* start = log)
        {
            (attributes.LogLevel, attributes.LogSize, attributes.Log) = (1, LogSize, (ulong)start);
            BpfCall.Try(LoadProgram, ref attributes);
        }

        var lines = Encoding.UTF8.GetString(log.AsSpan(0, Math.Max(0, log.AsSpan().IndexOf((byte)0)))).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(line => !line.StartsWith("processed ", StringComparison.Ordinal)).TakeLast(3);
        return string.Join(" | ", lines) is { Length: > 0 } text ? text : null;
    }
}
