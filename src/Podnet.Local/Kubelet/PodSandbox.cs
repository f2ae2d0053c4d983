using System.Globalization;
using k8s.Models;
using Podnet.Linux;

namespace Podnet.Local.Kubelet;

/// <summary>A pod's namespaces, held by its pause, and its addresses.</summary>
internal sealed class PodSandbox
{
    /// <summary>Says whose sandbox it is, also when nobody remembers: "default/web-0".</summary>
    private const string PodFile = "pod";

    /// <summary>Of /dev/shm, which the pod's containers share; containerd's default.</summary>
    private const string SharedMemorySize = "64m";

    private readonly NodeRuntime _node;
    private readonly CniAttachment? _attachment;

    private PodSandbox(NodeRuntime node, string id, string folder, ChildProcess pause, CniAttachment? attachment, string pidFile)
    {
        _node = node;
        _attachment = attachment;
        Id = id;
        Folder = folder;
        Pause = pause;
        PidFile = pidFile;
    }

    public string Id { get; }

    public string Folder { get; }

    public ChildProcess Pause { get; }

    /// <summary>IPv4 first where there are both.</summary>
    public IReadOnlyList<string> Addresses { get; private set; } = [];

    public required string Hostname { get; init; }

    private string PidFile { get; }

    /// <summary>Whether the pod has its addresses and files; one that could not be connected is only good to be removed.</summary>
    public bool IsConnected => Addresses.Count > 0;

    /// <exception cref="RuncException"/>
    /// <exception cref="IOException"/>
    public static async Task<PodSandbox> MakeAsync(NodeRuntime node, V1Pod pod)
    {
        var (id, folder) = node.NewFolder();
        try
        {
            var attachment = pod.UsesHostNetwork()
                ? null
                : new CniAttachment(id, pod.Metadata.NamespaceProperty, pod.Metadata.Name);
            await File.WriteAllTextAsync($"{folder}/{PodFile}", pod.FullName());
            MakeSharedMemory($"{folder}/shm");
            var hostNetwork = attachment is null ? NetworkNamespace.PathOf(node.Paths.NodeNamespace(node.Node)) : null;
            var spec = ContainerConfig.ForSandbox(pod, node.Node, await node.PauseRoot, pod.Cgroup(node.Paths), hostNetwork);
            var pause = await node.Runc.RunAsync(id, folder, spec, new ExecStreams());
            var pidFile = PidFileOf(node, pod.Metadata.NamespaceProperty, pod.Metadata.Name);
            return new PodSandbox(node, id, folder, pause, attachment, pidFile) { Hostname = spec.Hostname! };
        }
        catch (Exception)
        {
            node.RemoveFolder(id);
            throw;
        }
    }

    /// <summary>Gives the pod its addresses, and the files that follow from them.</summary>
    /// <param name="former">The addresses that it had; it gets them again where nobody else has them by now.</param>
    /// <exception cref="CniException"/>
    /// <exception cref="IOException"/>
    public async Task ConnectAsync(V1Pod pod, IReadOnlyList<string> former)
    {
        IReadOnlyList<string> addresses = _node.Addresses;
        if (_attachment is not null)
        {
            var given = await _node.Cni.AddAsync(_attachment with { RuntimeConfig = pod.RuntimeConfig(), Former = former }, NetworkPath);
            addresses = [.. given.OrderBy(address => address.AddressFamily).Select(address => address.ToString())];
        }

        WriteReadable("hostname", Hostname + "\n");
        WriteReadable("hosts", pod.HostsFile(addresses, Hostname));
        WriteReadable("resolv.conf", pod.ResolvFile(_node.ClusterDns));
        Directory.CreateDirectory(_node.Paths.Sandboxes);
        var unfinished = $"{PidFile}.{Id}";
        await File.WriteAllTextAsync(unfinished, PidText);
        File.Move(unfinished, PidFile, overwrite: true);
        Addresses = addresses;
    }

    /// <summary>
    /// Frees the addresses of a sandbox that an earlier kubelet left behind and whose processes have ended; nothing where the
    /// folder is a container's.
    /// </summary>
    public static async Task DisconnectLeftoverAsync(NodeRuntime node, string folder)
    {
        var file = $"{folder}/{PodFile}";
        if (!File.Exists(file) || (await File.ReadAllTextAsync(file)).Split('/') is not [var @namespace, var pod])
            return;
        await node.Cni.DeleteAsync(new CniAttachment(Path.GetFileName(folder), @namespace, pod), netns: null);
        File.Delete(PidFileOf(node, @namespace, pod));
    }

    /// <summary>Ends it and frees its addresses; the containers in it have ended before.</summary>
    public async Task RemoveAsync()
    {
        if (_attachment is not null)
            await _node.Cni.DeleteAsync(_attachment, Pause.Exited.IsCompleted ? null : NetworkPath);
        if (!Pause.Exited.IsCompleted)
            Pause.Kill(Signals.Kill);
        await Task.WhenAny(Pause.Exited);
        // A newer pod of the same name may have one of its own by now.
        if (File.Exists(PidFile) && await File.ReadAllTextAsync(PidFile) == PidText)
            File.Delete(PidFile);
        _node.RemoveFolder(Id);
    }

    private static string PidFileOf(NodeRuntime node, string @namespace, string pod) => $"{node.Paths.Sandboxes}/{@namespace}_{pod}";

    private string NetworkPath => $"/proc/{Pause.Pid}/ns/net";

    private string PidText => Pause.Pid.ToString(CultureInfo.InvariantCulture);

    /// <summary>For programs that don't run as root, whatever the umask of this process is.</summary>
    private void WriteReadable(string name, string content)
    {
        var path = $"{Folder}/{name}";
        File.WriteAllText(path, content);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
    }

    private static void MakeSharedMemory(string path)
    {
        Directory.CreateDirectory(path);
        Mounts.Tmpfs(path, SharedMemorySize);
        FileStatus everybodys = new(FileType.Folder, 0x3FF /* 01777 */, 0, 0);
        everybodys.ApplyTo(path);
    }
}
