using Podnet.Bpf;
using Podnet.Linux;

namespace Podnet.Dataplane.FastPath;

/// <summary>
/// What the kernel lets a program ask of connection tracking: its functions (net/netfilter/nf_conntrack_bpf.c, since Linux 6.0), and where in struct
/// nf_conn, in bytes, the fields are.
/// </summary>
/// <param name="TcpState">Of one byte.</param>
/// <param name="Module">Where connection tracking is a module of the kernel; else null.</param>
internal sealed record ConntrackFunctions(KernelFunction LookUp, KernelFunction Release, KernelFunction ChangeTimeout, int Status, int TcpState, FileHandle? Module) : IDisposable
{
    private const string ModuleName = "nf_conntrack";

    /// <summary>Errors: ENOENT where this kernel has not all of it.</summary>
    public static ConntrackFunctions Read()
    {
        var types = KernelTypes.Read(
            ["bpf_skb_ct_lookup", "bpf_ct_release", "bpf_ct_change_timeout"], ["nf_conn", "nf_conntrack_proto", "ip_ct_tcp"], ModuleName);
        var lookUp = Function("bpf_skb_ct_lookup");
        return new ConntrackFunctions(
            lookUp, Function("bpf_ct_release"), Function("bpf_ct_change_timeout"), Offset("nf_conn", "status"),
            Offset("nf_conn", "proto") + Offset("nf_conntrack_proto", "tcp") + Offset("ip_ct_tcp", "state"),
            lookUp.InModule ? ModuleTypes.Open(ModuleName) : null);

        KernelFunction Function(string name) => types.Function(name) ?? throw new KernelException(Errno.NoEntry, $"find the kernel's function {name} for BPF programs");

        int Offset(string structure, string member) =>
            types.OffsetOf(structure, member) ?? throw new KernelException(Errno.NoEntry, $"find {member} in the kernel's structure {structure}");
    }

    public void Dispose() => Module?.Dispose();
}
