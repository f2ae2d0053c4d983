namespace Podnet.Local;

/// <summary>The programs of the machine that a local cluster runs on.</summary>
public static class Programs
{
    // What podnet starts, and the Debian package that has it.
    private static readonly (string Program, string Package)[] Needed =
        [("runc", "runc"), ("iptables-restore", "iptables"), ("iptables-save", "iptables")];

    /// <summary>One line that names the first missing program and its package; null if all are there.</summary>
    public static string? FirstMissing()
    {
        foreach (var (program, package) in Needed)
        {
            if (Find(program) is null)
                return $"{program} is not on this machine: install it with 'apt-get install {package}'";
        }

        return null;
    }

    /// <summary>The program's full path by PATH; null if it is in none of its folders.</summary>
    public static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(IsExecutable);

    private static bool IsExecutable(string path) =>
        File.Exists(path) && (File.GetUnixFileMode(path) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != UnixFileMode.None;
}

/// <summary>Paths of the programs that come with Podnet and that a local cluster starts.</summary>
public sealed record Companions(string Podnet, string CniPlugin, string Pause);
