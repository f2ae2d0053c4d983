using System.Globalization;
using Podnet.Linux;
using Podnet.Local;
using Podnet.Testing;

namespace Podnet.EndToEnd.Tests;

/// <summary>A cluster that the test brings up by bin/podnet and takes away after.</summary>
public sealed class LocalCluster : IDisposable
{
    public LocalCluster(string name, params string[] arguments)
    {
        Name = name;
        Paths = new ClusterPaths(name);
        if (File.Exists(Paths.Record))
            Run("down", "--name", name); // a run of this test that was killed left it
        Run(["up", "--name", name, .. arguments]);
    }

    public string Name { get; }

    public ClusterPaths Paths { get; }

    /// <summary>bin/podnet, whatever its exit code.</summary>
    public static ProcessResult Try(params string[] arguments) =>
        ChildProcess.Run(new ProcessStart(Repository.Podnet, arguments), default, TimeSpan.FromMinutes(3));

    /// <summary>bin/podnet, which must succeed: its output.</summary>
    public static string Run(params string[] arguments)
    {
        var result = Try(arguments);
        return result.Succeeded
            ? result.StandardOutput
            : throw new InvalidOperationException($"podnet {string.Join(' ', arguments)}: {result.Status}: {result.StandardError}{result.StandardOutput}");
    }

    public string Podnet(string command, params string[] arguments) => Run([command, .. arguments, "--name", Name]);

    public string Exec(string target, params string[] line) => Run(["exec", "--name", Name, target, "--", .. line]);

    public string Kubectl(params string[] arguments) => Tool.Run("kubectl", ["--kubeconfig", Paths.Kubeconfig, .. arguments]);

    /// <summary>The access log of a pod's nginx, by lines.</summary>
    public string[] AccessLog(string pod) =>
        Directory.EnumerateFiles(Paths.PodLogs, "*.log", SearchOption.AllDirectories)
            .Where(file => file.Contains($"_{pod}_", StringComparison.Ordinal))
            .SelectMany(File.ReadLines)
            .Where(line => line.Contains("\"GET ", StringComparison.Ordinal))
            .ToArray();

    /// <summary>The process id of a node's agent; 0 while there is none.</summary>
    public int Agent(string node) => ProcessTable.Pids().FirstOrDefault(pid =>
        ProcessTable.EnvironmentVariable(pid, ClusterPaths.EnvironmentMark) == Name && IsAgent(pid, node));

    public void Dispose() => Run("down", "--name", Name);

    private static bool IsAgent(int pid, string node)
    {
        try
        {
            return File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/cmdline"))
                .Contains($"agent\0--node-name\0{node}\0", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false; // it ended
        }
    }
}
