using Podnet.Core.Routes;
using Podnet.Dataplane.Sysctls;
using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.Dataplane.Tests.Sysctls;

public sealed class SysctlDriverTests
{
    [Fact]
    public void Settings_are_written_once_and_one_that_is_not_there_does_not_stop_the_others()
    {
        using var kernel = new Kernel();
        KernelSetting[] wanted = [new("net.ipv4.nothing", "1"), new("net.ipv4.ip_forward", "1"), new("net.ipv4.conf.all.route_localnet", "1")];
        kernel.Run("sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv4.conf.all.route_localnet=0");

        var first = kernel.In(() => SysctlDriver.Apply(wanted));
        var second = kernel.In(() => SysctlDriver.Apply(wanted));

        Assert.Equal(["sysctl net.ipv4.ip_forward = 1", "sysctl net.ipv4.conf.all.route_localnet = 1"], first.Changes);
        Assert.Equal(Errno.NoEntry, Assert.Single(first.Failures).Errno);
        Assert.Empty(second.Changes);
        Assert.Equal("1", kernel.Run("sysctl", "-n", "net.ipv4.ip_forward").Trim());
        Assert.Equal("1", kernel.Run("sysctl", "-n", "net.ipv4.conf.all.route_localnet").Trim());
    }
}
