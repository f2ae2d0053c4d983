using k8s.Models;
using Podnet.Linux;

namespace Podnet.Local.Kubelet;

/// <summary>The volumes of one pod: they begin with the first container that mounts them and end with the pod.</summary>
internal sealed class PodVolumes(V1Pod first, NodeRuntime node)
{
    /// <summary>Of an emptyDir without a sizeLimit, in the words of tmpfs(5). Arbitrary; only what is used is taken.</summary>
    private const string DefaultSize = "1g";

    private const int Everybody = 0x1FF; // 0777

    /// <summary>How soon a change of a ConfigMap or Secret is seen. Arbitrary; Kubernetes takes a minute or more.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _one = new(1);
    private readonly HashSet<string> _written = [];
    private readonly PodTokens _tokens = new(node.Objects);
    private DateTime _due = DateTime.MaxValue;

    private string Folder => $"{node.Folder}/volumes-{first.Metadata.Uid}";

    /// <summary>When contents may have to be written anew; null if there are none that can change.</summary>
    public DateTime? NextRefresh => _due == DateTime.MaxValue ? null : _due;

    /// <summary>The mounts of one container; makes the volumes that are not there yet.</summary>
    /// <param name="scratch">The container's folder.</param>
    /// <exception cref="ContainerConfigException"/>
    public async Task<IReadOnlyList<OciMount>> MountsAsync(V1Pod pod, V1Container container, PodFields fields, IReadOnlyDictionary<string, string> environment, string scratch)
    {
        var mounts = new List<OciMount>();
        foreach (var mount in container.VolumeMounts ?? [])
        {
            var volume = pod.Spec.Volumes?.FirstOrDefault(v => v.Name == mount.Name)
                ?? throw new ContainerConfigException($"container {container.Name}: there is no volume {mount.Name}");
            await _one.WaitAsync();
            try
            {
                await EnsureAsync(pod, volume, fields);
            }
            finally
            {
                _one.Release();
            }

            var source = $"{Folder}/{volume.Name}";
            var sub = mount.SubPathExpr is { Length: > 0 } expression ? VariableExpansion.Expand(expression, environment) : mount.SubPath;
            if (!string.IsNullOrEmpty(sub))
                source = BindBeneath(source, sub, $"{scratch}/subpath-{mounts.Count}");
            mounts.Add(OciDefaults.Bind(source, mount.MountPath, mount.ReadOnlyProperty == true || volume.EmptyDir is null ? "ro" : "rw"));
        }

        return mounts;
    }

    /// <summary>Brings what ConfigMaps, Secrets and the pod itself say into the volumes, where it has changed.</summary>
    public async Task RefreshAsync(V1Pod pod, PodFields fields)
    {
        if (_due > DateTime.UtcNow)
            return;
        _due = DateTime.UtcNow + Period;
        foreach (var volume in pod.Spec.Volumes.Where(v => _written.Contains(v.Name)))
        {
            try
            {
                if (await VolumeContent.OfAsync(pod, volume, fields, node.Objects, _tokens) is { } files)
                    VolumeContent.Write($"{Folder}/{volume.Name}", files, pod.Spec.SecurityContext?.FsGroup);
            }
            catch (Exception e) when (e is ContainerConfigException or IOException)
            {
                // It is gone, or the API server is away: the pod keeps what it has.
            }
        }
    }

    /// <summary>After the last container has ended.</summary>
    public void Remove()
    {
        _due = DateTime.MaxValue;
        _written.Clear();
        if (Directory.Exists(Folder))
            node.RemoveFolder(Path.GetFileName(Folder));
    }

    private async Task EnsureAsync(V1Pod pod, V1Volume volume, PodFields fields)
    {
        var folder = $"{Folder}/{volume.Name}";
        if (Directory.Exists(folder))
            return;
        var group = pod.Spec.SecurityContext?.FsGroup;
        if (volume.EmptyDir is { } empty)
        {
            Directory.CreateDirectory(folder);
            Mounts.Tmpfs(folder, empty.SizeLimit is { } limit ? $"{(long)limit.ToDecimal()}" : DefaultSize);
            const int setGroup = 0x400; // 02000
            new FileStatus(FileType.Folder, group is null ? Everybody : Everybody | setGroup, 0, (uint)(group ?? 0)).ApplyTo(folder);
            return;
        }

        var files = await VolumeContent.OfAsync(pod, volume, fields, node.Objects, _tokens)
            ?? throw new ContainerConfigException(volume.HostPath is null
                ? $"volume {volume.Name}: emptyDir, configMap, secret, downwardAPI and projected volumes can be mounted here, no others"
                : $"volume {volume.Name}: hostPath would reach the machine itself");
        Directory.CreateDirectory(folder);
        VolumeContent.Write(folder, files, group);
        _written.Add(volume.Name);
        _due = DateTime.UtcNow + Period;
    }

    /// <summary>
    /// Binds a part of a volume to a place of our own. Containers write to volumes and may have left links there: the path is
    /// followed by the kernel, and never beyond the volume (openat2(2), RESOLVE_BENEATH).
    /// </summary>
    private static string BindBeneath(string volume, string path, string target)
    {
        if (path[0] == '/' || path.Split('/').Contains(".."))
            throw new ContainerConfigException($"subPath {path}: must be a relative path that does not contain '..'");
        using var part = FileHandle.OpenBeneath(volume, path);
        if (Directory.Exists(part.Path))
            Directory.CreateDirectory(target);
        else
            File.WriteAllText(target, "");
        Mounts.Bind(part.Path, target);
        return target;
    }
}
