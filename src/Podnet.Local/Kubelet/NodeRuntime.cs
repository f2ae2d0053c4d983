using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Podnet.Linux;
using Podnet.Local.ApiServer;

namespace Podnet.Local.Kubelet;

/// <summary>What the pods of one node are run with, and what they leave on the disk.</summary>
internal sealed class NodeRuntime
{
    private readonly KubeletOptions _options;

    /// <param name="mask">The mask layer, being made.</param>
    public NodeRuntime(KubeletOptions options, IReadOnlyList<string> podCidrs, Task<string> mask, IPodObjects objects, ILogger logger)
    {
        _options = options;
        Runc = new Runc(options.Paths.Runc);
        var (paths, node) = (options.Paths, options.NodeName);
        Cni = new CniPlugin(options.PluginPath, paths.NodeNamespace(node), paths.Ipam(node), podCidrs, options.PodMtu);
        Objects = objects;
        Logs = new LogKeeper(logger);
        Prober = new Prober(paths.NodeNamespace(node));
        Mask = mask;
        PauseRoot = Task.Run(MakePauseRoot);
    }

    public ClusterPaths Paths => _options.Paths;

    public string Node => _options.NodeName;

    public IReadOnlyList<string> Addresses => _options.Addresses;

    public IReadOnlyList<string> ClusterDns => _options.ClusterDns;

    public Runc Runc { get; }

    public CniPlugin Cni { get; }

    public IPodObjects Objects { get; }

    public ImageService Images => _options.Images;

    public LogKeeper Logs { get; }

    public Prober Prober { get; }

    public Task<string> Mask { get; }

    /// <summary>The root file system of every sandbox.</summary>
    public Task<string> PauseRoot { get; }

    /// <summary>The folders of this node's sandboxes and containers.</summary>
    public string Folder => $"{Paths.Containers}/{Node}";

    /// <inheritdoc cref="PodFacts.LogFile"/>
    public string LogFile(ContainerTarget target, int run) =>
        $"{Paths.PodLogs}/{target.Namespace}_{target.Pod}_{target.Uid}/{target.Container}/{run}.log";

    /// <summary>A folder for a new sandbox or container. Its name is the identifier for runc and CNI.</summary>
    public (string Id, string Folder) NewFolder()
    {
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var folder = $"{Folder}/{id}";
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return (id, folder);
    }

    /// <summary>Takes away what a sandbox or container whose processes have ended left behind.</summary>
    public void RemoveFolder(string id)
    {
        var folder = $"{Folder}/{id}";
        foreach (var mount in Mounts.Below(folder))
            Mounts.UnmountIfMounted(mount);
        Runc.Forget(id);
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
    }

    /// <summary>
    /// Everything that an earlier kubelet of this node left: its containers have no parent who would learn of their end, so
    /// they are ended and their pods run anew.
    /// </summary>
    public async Task RemoveLeftoversAsync()
    {
        if (!Directory.Exists(Folder))
            return;
        foreach (var folder in Directory.EnumerateDirectories(Folder))
        {
            if (CgroupOf(folder) is { } cgroup)
            {
                await Cgroups.KillAsync(cgroup);
                await Cgroups.RemoveAsync(cgroup);
            }

            await PodSandbox.DisconnectLeftoverAsync(this, folder);
            RemoveFolder(Path.GetFileName(folder));
        }
    }

    private string MakePauseRoot()
    {
        var root = $"{Paths.Layers}/pause-{Node}";
        Directory.CreateDirectory($"{root}/proc");
        Directory.CreateDirectory($"{root}/dev");
        // Not copied over one that sandboxes may still be running: that would be refused (ETXTBSY).
        if (!File.Exists($"{root}/pause"))
        {
            File.Copy(_options.PausePath, $"{root}/unfinished", overwrite: true);
            File.SetUnixFileMode($"{root}/unfinished", UnixFileMode.UserRead | UnixFileMode.UserExecute);
            File.Move($"{root}/unfinished", $"{root}/pause");
        }

        return root;
    }

    /// <summary>Null if its container was never started.</summary>
    private static string? CgroupOf(string folder)
    {
        try
        {
            using var config = JsonDocument.Parse(File.ReadAllBytes($"{folder}/config.json"));
            return config.RootElement.GetProperty("linux").GetProperty("cgroupsPath").GetString();
        }
        catch (Exception e) when (e is FileNotFoundException or JsonException)
        {
            return null; // The kubelet ended before or while it wrote the file.
        }
    }
}
