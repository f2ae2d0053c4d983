using System.Text;
using Podnet.Linux;

namespace Podnet.Bpf.Tests;

public sealed class KernelTypesTests
{
    private static readonly string[] Functions = ["bpf_ct_release", "bpf_of_module"];
    private static readonly string[] Structures = ["nf_conn", "of_module"];

    [Fact]
    public void The_running_kernel_tells_of_what_it_was_asked_and_of_nothing_else()
    {
        var types = KernelTypes.Read(["bpf_ct_release", "no_such_function"], ["sk_buff", "list_head"], "nf_conntrack");
        Assert.NotNull(types.Function("bpf_ct_release"));
        Assert.Null(types.Function("no_such_function"));
        Assert.Null(types.Function("bpf_skb_ct_lookup"));
        Assert.Equal(0, types.OffsetOf("list_head", "next"));
        Assert.Equal(8, types.OffsetOf("list_head", "prev"));
        Assert.NotNull(types.OffsetOf("sk_buff", "len"));
        Assert.Null(types.OffsetOf("sk_buff", "no_such_member"));
        Assert.Null(types.OffsetOf("nf_conn", "status"));
    }

    [Fact]
    public void A_modules_types_and_names_go_on_from_the_kernels()
    {
        var kernel = new TypeFile();
        kernel.AddStructure("nf_conn", ("status", 64));
        kernel.AddFunction("bpf_ct_release");
        var module = new TypeFile(kernel.NamesLength);
        module.AddStructure("of_module", ("first", 0), ("second", 32));
        module.AddFunction("bpf_of_module");
        var types = KernelTypes.Parse(kernel.ToBytes(), module.ToBytes(), Functions, Structures);
        Assert.Equal(new KernelFunction(2, InModule: false), types.Function("bpf_ct_release"));
        Assert.Equal(new KernelFunction(4, InModule: true), types.Function("bpf_of_module"));
        Assert.Equal(8, types.OffsetOf("nf_conn", "status"));
        Assert.Equal(4, types.OffsetOf("of_module", "second"));
    }

    [Fact]
    public void What_is_cut_off_anywhere_is_an_error_or_less()
    {
        var file = new TypeFile();
        file.AddStructure("nf_conn", ("status", 64), ("proto", 128));
        file.AddFunction("bpf_ct_release");
        var whole = file.ToBytes();
        for (var length = 0; length < whole.Length; length++)
            Assert.Equal(Errno.BadMessage, Assert.Throws<KernelException>(() => KernelTypes.Parse(whole.AsSpan(0, length), [], Functions, Structures)).Errno);
    }

    [Fact]
    public void Types_of_the_kernel_are_opened_by_name()
    {
        using var types = ModuleTypes.Open("vmlinux");
        Assert.True(types.Descriptor > 0);
        Assert.Equal(Errno.NoEntry, Assert.Throws<KernelException>(() => ModuleTypes.Open("no_such_module")).Errno);
    }

    /// <summary>struct btf_header, types, names.</summary>
    private sealed class TypeFile(int namesBefore = 0)
    {
        private readonly MemoryStream _types = new();
        private readonly List<byte> _names = namesBefore == 0 ? [0] : []; // the first name of the kernel's is none

        public int NamesLength => _names.Count;

        public void AddFunction(string name) => Put(Name(name), 12u << 24, 0);

        public void AddStructure(string name, params (string Name, uint Bits)[] members)
        {
            Put(Name(name), (4u << 24) | (uint)members.Length, 64);
            foreach (var member in members)
                Put(Name(member.Name), 0, member.Bits);
        }

        public byte[] ToBytes()
        {
            var header = new MemoryStream();
            using var writer = new BinaryWriter(header);
            writer.Write((ushort)0xEB9F);
            writer.Write((ushort)1);
            foreach (var number in (uint[])[24, 0, (uint)_types.Length, (uint)_types.Length, (uint)_names.Count])
                writer.Write(number);
            return [.. header.ToArray(), .. _types.ToArray(), .. _names];
        }

        private uint Name(string name)
        {
            var at = (uint)(namesBefore + NamesLength);
            _names.AddRange([.. Encoding.ASCII.GetBytes(name), 0]);
            return at;
        }

        private void Put(params uint[] numbers)
        {
            foreach (var number in numbers)
                _types.Write(BitConverter.GetBytes(number));
        }
    }
}
