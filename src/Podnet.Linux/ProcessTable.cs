using System.Globalization;
using System.Text;

namespace Podnet.Linux;

/// <summary>Other processes, as /proc shows them (proc(5)). A process that ends while it is looked at is simply not there.</summary>
public static class ProcessTable
{
    public static bool IsRoot => Libc.geteuid() == 0;

    public static IEnumerable<int> Pids() =>
        Directory.EnumerateDirectories("/proc")
            .Select(path => int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0)
            .Where(pid => pid > 0);

    public static bool IsAlive(int pid) => StateOf(pid) is not (null or 'Z' or 'X');

    /// <summary>The value of a variable in the environment that the process was started with; null without one.</summary>
    public static string? EnvironmentVariable(int pid, string name)
    {
        var content = TryRead($"/proc/{pid}/environ");
        if (content is null)
            return null;
        var prefix = name + "=";
        return Encoding.UTF8.GetString(content).Split('\0')
            .FirstOrDefault(entry => entry.StartsWith(prefix, StringComparison.Ordinal))?[prefix.Length..];
    }

    /// <summary>As <see cref="NetworkNamespace.IdentityOf"/>; null if the process is gone or not to be looked into, even by root.</summary>
    public static string? NetworkNamespaceOf(int pid)
    {
        try
        {
            return NetworkNamespace.IdentityOf($"/proc/{pid}/ns/net");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static char? StateOf(int pid)
    {
        // "pid (name) state ...": the name may hold spaces and parentheses.
        var content = TryRead($"/proc/{pid}/stat");
        if (content is null)
            return null;
        var text = Encoding.UTF8.GetString(content);
        var end = text.LastIndexOf(')');
        return end > 0 && end + 2 < text.Length ? text[end + 2] : null;
    }

    private static byte[]? TryRead(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // it ended, or is a kernel thread
        }
    }
}
