using Podnet.Core.Routes;
using Podnet.Linux;

namespace Podnet.Dataplane.Sysctls;

/// <summary>
/// Keeps the kernel settings that the node needs, in the namespace of the calling thread. They are not set back by anybody: what
/// they were before is not known after a restart, and others on the node may have come to need them.
/// </summary>
public static class SysctlDriver
{
    /// <summary>Those that <see cref="Apply"/> would write.</summary>
    public static IEnumerable<KernelSetting> Preview(IEnumerable<KernelSetting> wanted) =>
        wanted.Where(setting => !Sysctl.Exists(setting.Name) || Sysctl.Read(setting.Name) != setting.Value);

    public static ApplyReport Apply(IEnumerable<KernelSetting> wanted)
    {
        var report = ApplyReport.Nothing;
        foreach (var setting in wanted)
        {
            try
            {
                if (Sysctl.Ensure(setting.Name, setting.Value))
                    report += new ApplyReport([$"sysctl {setting}"], []);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                var errno = e is FileNotFoundException or DirectoryNotFoundException ? Errno.NoEntry : Errno.Access;
                report += new ApplyReport([], [new KernelException(errno, $"sysctl {setting}", e.Message)]);
            }
        }

        return report;
    }
}
