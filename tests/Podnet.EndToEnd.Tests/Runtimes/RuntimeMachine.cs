using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.EndToEnd.Tests.Runtimes;

/// <summary>
/// A machine for a container runtime: network, mount and process namespaces of the test's own, in which /run and /var/lib are empty
/// and /etc and /opt can be written without the real ones changing. So a runtime has its usual paths there, and all of it, files
/// and processes, goes with the machine.
/// </summary>
internal sealed class RuntimeMachine : IDisposable
{
    /// <summary>Arbitrary: far beyond what a runtime needs on a busy machine.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Where Debian's plugins are: `loopback` for containerd, others to chain with.</summary>
    private const string ReferencePlugins = "/usr/lib/cni";

    private readonly string _folder;
    private readonly Pipe _life = Pipe.Create();
    private readonly ChildProcess _unshare;
    private readonly int _init;

    /// <param name="name">Also its control group's.</param>
    public RuntimeMachine(string name)
    {
        Name = $"podnet-test-{name}-{Environment.ProcessId}";
        _folder = Directory.CreateTempSubdirectory($"{Name}-").FullName;
        // The first process ends when nobody holds the other end of its input: also when the test is killed.
        _unshare = ChildProcess.Start(new ProcessStart(
            "unshare", ["--net", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc", "sh", "-c", "cat; exit"])
        {
            StandardInput = _life.Read,
        });
        _life.Read.Dispose();
        try
        {
            Poll.Until(() => FirstProcess(_unshare.Pid) is not null, () => "the namespaces are not there");
            _init = FirstProcess(_unshare.Pid)!.Value;
            Run("sh", "-ec", SetUp, "sh", _folder);
            foreach (var plugin in Directory.GetFiles(ReferencePlugins))
                File.Copy(plugin, PathOf($"/opt/cni/bin/{Path.GetFileName(plugin)}"));
            File.Copy(Repository.Built("podnet-cni"), PathOf("/opt/cni/bin/podnet-cni"));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string Name { get; }

    /// <summary>Below it are the control groups of everything that the test runs.</summary>
    public string Cgroup => $"/{Name}";

    /// <summary>A file of the machine, as seen from without.</summary>
    public string PathOf(string path) => $"/proc/{_init}/root{path}";

    public void Write(string path, string content)
    {
        Directory.CreateDirectory(PathOf(Path.GetDirectoryName(path)!));
        File.WriteAllText(PathOf(path), content);
    }

    /// <summary>The names in a folder that may not be there.</summary>
    public string[] Entries(string folder) =>
        Directory.Exists(PathOf(folder)) ? [.. Directory.GetFileSystemEntries(PathOf(folder)).Select(e => Path.GetFileName(e)!).Order(StringComparer.Ordinal)] : [];

    public string Run(string program, params string[] arguments) => Tool.Run("nsenter", [.. Enter, program, .. arguments]);

    public ProcessResult Try(string program, params string[] arguments) => ChildProcess.Run("nsenter", [.. Enter, program, .. arguments]);

    /// <summary>Starts what serves until the machine goes.</summary>
    public void Start(string log, string program, params string[] arguments)
    {
        using var output = FileHandle.OpenAppend(PathOf(log));
        ChildProcess.Start(new ProcessStart("nsenter", [.. Enter, program, .. arguments]) { StandardOutput = output, StandardError = output });
    }

    /// <summary>All that a pod network leaves on a node: links, addresses, routes, neighbours, reservations of addresses, namespaces, results.</summary>
    public string[] PodNetwork() =>
    [
        .. Run("ip", "-oneline", "link").Split('\n').Select(line => line.Split(": ").ElementAtOrDefault(1) ?? ""),
        .. Run("ip", "-oneline", "address", "show", "scope", "global").Split('\n'),
        .. Run("ip", "route", "show", "table", "all", "proto", "80").Split('\n'),
        .. Run("ip", "-6", "route", "show", "table", "all", "proto", "80").Split('\n'),
        .. Run("ip", "neighbour", "show", "nud", "permanent").Split('\n'),
        .. Reservations(),
        .. Entries("/run/netns"),
        .. Entries("/var/lib/cni/results"),
    ];

    /// <summary>The addresses that are taken.</summary>
    public string[] Reservations() =>
        [.. Entries("/var/lib/cni/networks/podnet").Where(name => name != "lock" && !name.StartsWith("last_reserved_ip", StringComparison.Ordinal))];

    public void Dispose()
    {
        _life.Dispose();
        _unshare.Kill(Signals.Kill); // and with it, by --kill-child, the first process; and with that all others
        _unshare.Exited.Wait(Patience);
        Poll.Until(() => !Cgroups().Any(group => File.ReadLines($"{group}/cgroup.procs").Any()), () => "the processes have not ended");
        foreach (var group in Cgroups())
            Directory.Delete(group);
        Directory.Delete(_folder, recursive: true);
    }

    private string[] Enter => ["--target", $"{_init}", "--net", "--mount", "--pid", "--ipc", "--"];

    /// <summary>Of each mounted hierarchy, what has this machine's name, the innermost first.</summary>
    private IEnumerable<string> Cgroups() => File.ReadLines("/proc/self/mountinfo")
        .Where(line => line[(line.IndexOf(" - ", StringComparison.Ordinal) + 3)..].StartsWith("cgroup", StringComparison.Ordinal))
        .Select(line => line.Split(' ')[4] + Cgroup)
        .Where(Directory.Exists)
        .SelectMany(group => Directory.GetDirectories(group, "*", SearchOption.AllDirectories).OrderByDescending(path => path.Length).Append(group))
        .ToList();

    /// <summary>The child of unshare, once it has done with its namespaces and runs the shell.</summary>
    private static int? FirstProcess(int unshare)
    {
        var children = File.ReadAllText($"/proc/{unshare}/task/{unshare}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return children.Length == 1 && File.ReadAllText($"/proc/{children[0]}/comm") == "sh\n" ? int.Parse(children[0]) : null;
    }

    private const string SetUp = """
        mount --make-rprivate /
        mount -t tmpfs tmpfs "$1"
        for folder in etc opt; do
          mkdir -p "$1/$folder/upper" "$1/$folder/work"
          mount -t overlay overlay -o "lowerdir=/$folder,upperdir=$1/$folder/upper,workdir=$1/$folder/work" "/$folder"
        done
        mount -t tmpfs tmpfs /run
        mount -t tmpfs tmpfs /var/lib
        mkdir -p /run/lock /run/netns /opt/cni/bin /etc/cni/net.d /etc/containers /etc/containerd
        ip link set lo up
        ip address add 192.0.2.1/32 dev lo
        ip address add 2001:db8::1/128 dev lo nodad
        echo 1 > /proc/sys/net/ipv4/ip_forward
        echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
        """;
}
