using Podnet.Linux;
using static Podnet.Bpf.Register;

namespace Podnet.Bpf.Tests;

/// <summary>With the real kernel: these need root.</summary>
public sealed class BpfMapTests
{
    [Fact]
    public void Elements_are_put_found_and_removed()
    {
        using var map = BpfMap.Create(BpfMapType.Hash, "test", 4, 8, 2);
        byte[] one = [1, 0, 0, 0], two = [2, 0, 0, 0], value = [1, 2, 3, 4, 5, 6, 7, 8], found = new byte[8];
        Assert.False(map.Find(one, found));
        map.Put(one, value);
        map.Put(two, new byte[8]);
        Assert.True(map.Find(one, found));
        Assert.Equal(value, found);
        Assert.Contains("test", Assert.Throws<KernelException>(() => map.Put([3, 0, 0, 0], value)).Message, StringComparison.Ordinal);
        map.Remove(one);
        map.Remove(one);
        Assert.False(map.Find(one, found));
        Assert.True(map.Find(two, found));
    }

    [Fact]
    public void A_program_that_the_kernel_refuses_says_why()
    {
        var code = new Assembler();
        code.Load(Width.Word, R0, R1, 4096); // beyond the packet's context
        code.Exit();
        var refused = Assert.Throws<KernelException>(() => BpfProgram.LoadClassifier("test", code.ToBytes(), null));
        Assert.Equal(Errno.Access, refused.Errno);
        Assert.Contains("invalid bpf_context access", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_has_a_number_of_its_own()
    {
        var code = new Assembler();
        code.Move(R0, 0);
        code.Exit();
        using var one = BpfProgram.LoadClassifier("test", code.ToBytes(), null);
        using var two = BpfProgram.LoadClassifier("test", code.ToBytes(), null);
        Assert.NotEqual(one.Id, two.Id);
    }

    /// <summary>This kernel has no module of which programs could call functions: that it looks at the types that it is given is what can be seen.</summary>
    [Fact]
    public void Functions_of_a_module_are_looked_for_in_its_types()
    {
        using var types = ModuleTypes.Open("vmlinux");
        var code = new Assembler();
        code.CallKernel(new KernelFunction(1, InModule: true));
        code.Move(R0, 0);
        code.Exit();
        var refused = Assert.Throws<KernelException>(() => BpfProgram.LoadClassifier("test", code.ToBytes(), types));
        Assert.Contains("not a module BTF", refused.Message, StringComparison.Ordinal);
    }
}
