using Podnet.Testing;

namespace Podnet.Linux.Tests;

public sealed class NetworkNamespaceTests : IDisposable
{
    private readonly string _name = $"podnet-test-{Guid.NewGuid():N}"[..24];

    [Fact]
    public void A_named_namespace_is_one_that_ip_netns_knows_until_it_is_deleted()
    {
        using (NetworkNamespace.CreateNamed(_name))
            Assert.Contains(_name, Tool.Run("ip", "netns", "list"), StringComparison.Ordinal);
        Assert.True(NetworkNamespace.DeleteNamed(_name));
        Assert.DoesNotContain(_name, Tool.Run("ip", "netns", "list"), StringComparison.Ordinal);
        Assert.False(NetworkNamespace.DeleteNamed(_name));
    }

    [Fact]
    public void A_name_that_is_taken_is_refused_and_the_first_one_stays()
    {
        using var first = NetworkNamespace.CreateNamed(_name);
        Assert.Equal(Errno.Exists, Assert.Throws<KernelException>(() => NetworkNamespace.CreateNamed(_name)).Errno);
        using var again = NetworkNamespace.OpenNamed(_name);
        Assert.Equal(first.Identity(), again.Identity());
    }

    [Fact]
    public void Work_and_the_children_it_starts_are_inside_and_the_caller_stays_outside()
    {
        using var other = NetworkNamespace.CreateAnonymous();
        var here = NetworkNamespace.IdentityOf("/proc/thread-self/ns/net");
        var (inside, child) = other.Run(() => (NetworkNamespace.IdentityOf("/proc/thread-self/ns/net"), Tool.Run("readlink", "/proc/self/ns/net").Trim()));
        Assert.NotEqual(here, inside);
        Assert.Equal(inside, child);
        Assert.Equal(here, NetworkNamespace.IdentityOf("/proc/thread-self/ns/net"));
    }

    [Fact]
    public void What_work_throws_reaches_the_caller()
    {
        using var other = NetworkNamespace.CreateAnonymous();
        Assert.Throws<FormatException>(() => other.Run(() => throw new FormatException()));
    }

    [Fact]
    public void A_setting_is_the_namespaces_own()
    {
        using var kernel = new Kernel();
        var before = Sysctl.Read("net.ipv4.ip_forward");
        var changed = kernel.In(() => (Sysctl.Ensure("net.ipv4.ip_forward", "1"), Sysctl.Ensure("net.ipv4.ip_forward", "1"), Sysctl.Read("net.ipv4.ip_forward")));
        Assert.Equal((true, false, "1"), changed);
        Assert.Equal(before, Sysctl.Read("net.ipv4.ip_forward"));
    }

    public void Dispose() => NetworkNamespace.DeleteNamed(_name);
}
