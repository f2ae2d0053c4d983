using System.Text;
using Podnet.Linux;
using static Podnet.Bpf.BpfWire;

namespace Podnet.Bpf;

/// <summary>The types of a kernel module, open for the programs that call its functions.</summary>
public static unsafe class ModuleTypes
{
    /// <summary>Errors: ENOENT where no such module is loaded; EPERM without CAP_SYS_ADMIN.</summary>
    public static FileHandle Open(string module)
    {
        var next = new IdAttributes();
        var name = stackalloc byte[64];
        while (BpfCall.Try(NextTypes, ref next) >= 0)
        {
            next.Id = next.Next;
            var which = new IdAttributes { Id = next.Id };
            var types = BpfCall.Open(OpenTypes, ref which, $"open the types of module {module}");
            var info = new TypesInfo { Name = (ulong)name, NameSize = 64 };
            var attributes = new InfoAttributes { Descriptor = types.Descriptor, Length = (uint)sizeof(TypesInfo), Info = (ulong)(&info) };
            if (BpfCall.Try(GetInfo, ref attributes) >= 0 && Encoding.ASCII.GetString(name, (int)Math.Min(info.NameSize, 63)) == module)
                return types;
            types.Dispose();
        }

        throw new KernelException(Errno.NoEntry, $"open the types of module {module}");
    }
}
