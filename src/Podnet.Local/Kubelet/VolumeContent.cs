using System.Text;
using k8s.Models;
using Podnet.Linux;

namespace Podnet.Local.Kubelet;

/// <summary>A file of a volume that Podnet writes.</summary>
internal sealed record VolumeFile(string Path, byte[] Content, int Mode);

/// <summary>What is in volumes of type configMap, secret, downwardAPI and projected, and how it gets there.</summary>
internal static class VolumeContent
{
    private const int DefaultMode = 0x1A4; // 0644

    /// <summary>Null: the volume has other contents than these.</summary>
    /// <exception cref="ContainerConfigException">Something that it names is not there yet, or not served here.</exception>
    public static async Task<IReadOnlyList<VolumeFile>?> OfAsync(V1Pod pod, V1Volume volume, PodFields fields, IPodObjects objects, PodTokens tokens) => volume switch
    {
        { ConfigMap: { } map } => Files(await PodData.ConfigMapAsync(pod, map.Name, map.Optional, objects), map.Items, map.DefaultMode, map.Optional, $"ConfigMap {map.Name}"),
        { Secret: { } secret } => Files(await PodData.SecretAsync(pod, secret.SecretName, secret.Optional, objects), secret.Items, secret.DefaultMode, secret.Optional, $"Secret {secret.SecretName}"),
        { DownwardAPI: { } api } => Downward(pod, api.Items, api.DefaultMode, fields),
        { Projected: { } projected } => await ProjectedAsync(pod, projected, fields, objects, tokens),
        _ => null,
    };

    /// <summary>
    /// As Kubernetes' AtomicWriter lays it out: the files are in a folder of their own, "..data" links to it, and each name links
    /// into "..data". So a new version takes the place of the old one at once, by one rename.
    /// </summary>
    /// <returns>False if nothing has changed.</returns>
    public static bool Write(string folder, IReadOnlyList<VolumeFile> files, long? group)
    {
        var version = $"..{Hash(files)}";
        var data = $"{folder}/..data";
        var before = new FileInfo(data).LinkTarget;
        if (before == version)
            return false;
        foreach (var file in files)
        {
            var path = $"{folder}/{version}/{file.Path}";
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, file.Content);
            File.SetUnixFileMode(path, (UnixFileMode)(file.Mode | (group is null ? 0 : 0x120 /* 0440 */)));
            if (group is { } gid)
                (FileStatus.Of(path)!.Value with { Group = (uint)gid }).ApplyTo(path);
        }

        Directory.CreateDirectory($"{folder}/{version}");
        File.Delete($"{folder}/..data_tmp"); // one that an earlier try left
        File.CreateSymbolicLink($"{folder}/..data_tmp", version);
        SmallFile.Rename($"{folder}/..data_tmp", data);
        var names = files.Select(f => f.Path.Split('/')[0]).ToHashSet(StringComparer.Ordinal);
        foreach (var name in names.Where(name => new FileInfo($"{folder}/{name}").LinkTarget is null))
            File.CreateSymbolicLink($"{folder}/{name}", $"..data/{name}");
        foreach (var old in new DirectoryInfo(folder).EnumerateFileSystemInfos().Where(i => !i.Name.StartsWith("..", StringComparison.Ordinal) && !names.Contains(i.Name)))
            old.Delete();
        if (before is not null)
            Directory.Delete($"{folder}/{before}", recursive: true);
        return true;
    }

    private static IReadOnlyList<VolumeFile> Files(Dictionary<string, byte[]>? data, IList<V1KeyToPath>? items, int? mode, bool? optional, string source)
    {
        if (data is null)
            return [];
        if (items is not { Count: > 0 })
            return [.. data.OrderBy(d => d.Key, StringComparer.Ordinal).Select(d => new VolumeFile(Checked(d.Key), d.Value, mode ?? DefaultMode))];
        var files = new List<VolumeFile>();
        foreach (var item in items)
        {
            if (data.TryGetValue(item.Key, out var content))
                files.Add(new VolumeFile(Checked(item.Path), content, item.Mode ?? mode ?? DefaultMode));
            else if (optional != true)
                throw new ContainerConfigException($"{source} references non-existent config key: {item.Key}", mayChange: true);
        }

        return files;
    }

    private static IReadOnlyList<VolumeFile> Downward(V1Pod pod, IList<V1DownwardAPIVolumeFile>? items, int? mode, PodFields fields) =>
    [
        .. (items ?? []).Select(item => new VolumeFile(
            Checked(item.Path),
            Encoding.UTF8.GetBytes(item.FieldRef is { } field ? fields.Field(field.FieldPath) : fields.Resource(item.ResourceFieldRef, pod.Spec.Containers[0])),
            item.Mode ?? mode ?? DefaultMode)),
    ];

    private static async Task<IReadOnlyList<VolumeFile>> ProjectedAsync(V1Pod pod, V1ProjectedVolumeSource projected, PodFields fields, IPodObjects objects, PodTokens tokens)
    {
        var files = new List<VolumeFile>();
        foreach (var source in projected.Sources ?? [])
        {
            files.AddRange(source switch
            {
                { ConfigMap: { } map } => Files(await PodData.ConfigMapAsync(pod, map.Name, map.Optional, objects), map.Items, projected.DefaultMode, map.Optional, $"ConfigMap {map.Name}"),
                { Secret: { } secret } => Files(await PodData.SecretAsync(pod, secret.Name, secret.Optional, objects), secret.Items, projected.DefaultMode, secret.Optional, $"Secret {secret.Name}"),
                { DownwardAPI: { } api } => Downward(pod, api.Items, projected.DefaultMode, fields),
                { ServiceAccountToken: { } token } => [new VolumeFile(Checked(token.Path), await tokens.GetAsync(pod, token), projected.DefaultMode ?? DefaultMode)],
                _ => throw new ContainerConfigException("a projected volume of configMap, secret, downwardAPI and serviceAccountToken can be mounted here, of nothing else"),
            });
        }

        return files;
    }

    /// <summary>A path inside the volume, and nowhere else.</summary>
    private static string Checked(string path) =>
        path.Length == 0 || path[0] == '/' || path.StartsWith("..", StringComparison.Ordinal) || path.Split('/').Any(part => part is ".." or "." or "")
            ? throw new ContainerConfigException($"a volume cannot have a file at \"{path}\"")
            : path;

    private static string Hash(IEnumerable<VolumeFile> files)
    {
        using var hash = System.Security.Cryptography.IncrementalHash.CreateHash(System.Security.Cryptography.HashAlgorithmName.SHA256);
        foreach (var file in files)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{file.Path}\0{file.Mode}\0{file.Content.Length}\0"));
            hash.AppendData(file.Content);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..16];
    }
}
