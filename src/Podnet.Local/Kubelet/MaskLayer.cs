using System.Collections.Frozen;
using Podnet.Linux;

namespace Podnet.Local.Kubelet;

/// <summary>
/// The layer that lies above the machine's own folders in every container's root file system and hides what is none of a
/// container's business. One rule carries most of it: what not everybody on this machine can read, no container can read,
/// though it runs as root. On top of that, by name: keys, password files, data of other services, logs, mail, sockets.
/// </summary>
/// <remarks>Made once per cluster; what is added to the machine afterwards is hidden only if its name is on a list here.</remarks>
internal sealed class MaskLayer
{
    /// <summary>Hidden whether they are there now or not. A folder with files that everybody may read is still nobody's here.</summary>
    private static readonly FrozenSet<string> Hidden = Prefixed("etc/",
        "shadow", "shadow-", "gshadow", "gshadow-", "passwd-", "group-", "subuid-", "subgid-", "sudoers", "sudoers.d", ".pwd.lock",
        "ssh", "ssl/private", "pki/private", "security/opasswd", "krb5.keytab", "crypttab", "fstab", "machine-id", "environment",
        "NetworkManager", "netplan", "network", "wpa_supplicant", "wireguard", "openvpn", "ipsec.d", "ipsec.secrets", "ppp",
        "docker", "containerd", "containers", "kubernetes", "rancher", "cni", "letsencrypt", "apt/auth.conf", "apt/auth.conf.d",
        "crontab", "cron.d", "systemd", "udev", "gitconfig", "npmrc", "pip.conf", "exports", "samba", "mysql",
        "postgresql", "ldap", "salt", "puppet", "chef");

    /// <summary>Folders that programs expect with one of their own in it: those are there, empty.</summary>
    private static readonly FrozenSet<string> Shelves = Prefixed("var/", "log", "cache", "spool");

    /// <summary>Folders whose content is another program's or person's.</summary>
    private static readonly FrozenSet<string> Emptied = Prefixed("var/",
        "tmp", "mail", "backups", "crash",
        "lib/podnet", "lib/docker", "lib/containerd", "lib/containers", "lib/kubelet", "lib/etcd", "lib/rancher", "lib/cni",
        "lib/private", "lib/postgresql", "lib/mysql", "lib/mongodb", "lib/redis", "lib/ldap", "lib/libvirt", "lib/lxc", "lib/lxd",
        "lib/machines", "lib/snapd", "lib/systemd", "lib/NetworkManager", "lib/sudo", "lib/samba", "lib/dhcp", "lib/bluetooth");

    private static readonly FrozenSet<string> SecretNames = new[]
    {
        "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", ".netrc", "netrc", ".npmrc", "npmrc", "pip.conf", ".pgpass", ".htpasswd",
        ".git-credentials", "credentials", ".env",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    private static readonly string[] SecretEndings =
        [".key", "_key", "-key.pem", ".keytab", ".p12", ".pfx", ".jks", ".kdbx", "secret", "secrets"];

    private static readonly Lock Making = new();

    private readonly string _target;

    private MaskLayer(string target) => _target = target;

    /// <summary>The layer's folder, made by the first to ask; below it a folder per tree, "usr", "etc" and so on.</summary>
    public static string Ensure(ClusterPaths paths)
    {
        var layer = $"{paths.Layers}/mask";
        lock (Making)
        {
            if (Directory.Exists(layer))
                return layer;
            var unfinished = $"{layer}.unfinished";
            if (Directory.Exists(unfinished))
                Directory.Delete(unfinished, recursive: true);
            new MaskLayer(unfinished).Make();
            Directory.Move(unfinished, layer);
            return layer;
        }
    }

    private void Make()
    {
        foreach (var tree in RootFilesystem.Trees())
        {
            Directory.CreateDirectory($"{_target}/{tree}");
            FileStatus.Of($"/{tree}")!.Value.ApplyTo($"{_target}/{tree}");
        }

        // In a folder that no other layer has, a whiteout would be seen for what it is: a device.
        foreach (var path in Hidden.Where(path => FileStatus.Of("/" + Path.GetDirectoryName(path)) is { Type: FileType.Folder }))
            Hide(path);
        // Plain files, empty: what the pod's own are mounted on, also where the machine's is a link into /run.
        foreach (var name in (ReadOnlySpan<string>)["hostname", "hosts", "resolv.conf"])
            File.WriteAllBytes($"{_target}/etc/{name}", []);
        // Of /usr only what the machine's owner puts there: the rest comes from packages, for everybody to read.
        foreach (var tree in (ReadOnlySpan<string>)["etc", "var", "opt", "usr/local"])
        {
            if (FileStatus.Of($"/{tree}") is { Type: FileType.Folder })
                Walk(tree);
        }
    }

    private void Walk(string folder)
    {
        foreach (var entry in Directory.EnumerateFileSystemEntries("/" + folder))
        {
            var path = entry[1..];
            if (Hidden.Contains(path) || FileStatus.Of(entry) is not { } status)
                continue;
            if (status.Type == FileType.Folder)
                Folder(path, status);
            else if (IsPrivate(Path.GetFileName(path), status))
                Hide(path);
        }
    }

    private void Folder(string path, FileStatus status)
    {
        const int othersReadAndEnter = 5;
        const int othersWrite = 2;
        if (Shelves.Contains(path))
        {
            Empty(path, status);
            foreach (var below in Directory.EnumerateDirectories("/" + path))
            {
                if (FileStatus.Of(below) is { Type: FileType.Folder } inner)
                    Empty(below[1..], inner);
            }
        }
        else if (Emptied.Contains(path)
            || (status.Permissions & othersReadAndEnter) != othersReadAndEnter
            || (status.Permissions & othersWrite) != 0)
        {
            Empty(path, status);
        }
        else
        {
            Walk(path);
        }
    }

    private static bool IsPrivate(string name, FileStatus status)
    {
        const int othersRead = 4;
        return status.Type switch
        {
            FileType.Link => false,
            FileType.Regular => (status.Permissions & othersRead) == 0
                || SecretNames.Contains(name)
                || SecretEndings.Any(ending => name.EndsWith(ending, StringComparison.OrdinalIgnoreCase)),
            _ => true, // sockets, pipes, devices
        };
    }

    private void Hide(string path)
    {
        MakeParents(path);
        if (FileStatus.Of($"{_target}/{path}") is null)
            Mounts.CreateWhiteout($"{_target}/{path}");
    }

    private void Empty(string path, FileStatus status)
    {
        MakeParents(path);
        Directory.CreateDirectory($"{_target}/{path}");
        Mounts.MakeOpaque($"{_target}/{path}");
        status.ApplyTo($"{_target}/{path}");
    }

    /// <summary>A merged folder has the owner and permissions of the upper one, so they must be those of the machine's.</summary>
    private void MakeParents(string path)
    {
        var parent = Path.GetDirectoryName(path)!;
        if (Directory.Exists($"{_target}/{parent}"))
            return;
        MakeParents(parent);
        Directory.CreateDirectory($"{_target}/{parent}");
        if (FileStatus.Of($"/{parent}") is { Type: FileType.Folder } status)
            status.ApplyTo($"{_target}/{parent}");
    }

    private static FrozenSet<string> Prefixed(string prefix, params string[] names) => names.Select(name => prefix + name).ToFrozenSet();
}
