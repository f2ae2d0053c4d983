using System.Globalization;
using Podnet.Linux;

namespace Podnet.Dataplane.Sysctls;

/// <summary>How many connections the kernel tracks at most. It counts for all namespaces together, so only the first one can write it.</summary>
public static class ConntrackMaximum
{
    private const string Name = "net.netfilter.nf_conntrack_max";

    /// <summary>Of the table that finds them (nf_conntrack-sysctl.rst): too small a one makes long chains.</summary>
    private const string Buckets = "/sys/module/nf_conntrack/parameters/hashsize";
    private const int ConnectionsPerBucket = 4;

    /// <summary>Never lowers it.</summary>
    /// <returns>What was done, a line each.</returns>
    /// <exception cref="KernelException">It cannot be written from here.</exception>
    public static IReadOnlyList<string> Raise(int wanted)
    {
        var done = new List<string>();
        try
        {
            if (Number(Sysctl.Read(Name)) < wanted && Sysctl.Ensure(Name, Text(wanted)))
                done.Add($"sysctl {Name} = {wanted}");
            if (Number(File.ReadAllText(Buckets)) < wanted / ConnectionsPerBucket)
            {
                File.WriteAllText(Buckets, Text(wanted / ConnectionsPerBucket));
                done.Add($"{Buckets} = {wanted / ConnectionsPerBucket}");
            }

            return done;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            var errno = e is FileNotFoundException or DirectoryNotFoundException ? Errno.NoEntry : Errno.Access;
            throw new KernelException(errno, $"sysctl {Name} = {wanted}", e.Message);
        }
    }

    private static long Number(string text) => long.Parse(text.Trim(), CultureInfo.InvariantCulture);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
