using System.Globalization;
using k8s.Models;

namespace Podnet.Local.Kubelet;

/// <summary>The pod asks for something that is not run here, or not there yet; said before anything is started.</summary>
/// <param name="mayChange">Trying again later makes sense.</param>
internal sealed class ContainerConfigException(string message, bool mayChange = false) : Exception(message)
{
    public bool MayChange { get; } = mayChange;
}

/// <summary>From a pod's spec to the OCI configuration of its sandbox and containers. Pure.</summary>
internal static class ContainerConfig
{
    /// <summary>Capabilities that act inside the pod's own namespaces only, besides the default ones.</summary>
    private static readonly string[] Grantable = [.. OciDefaults.Capabilities, "CAP_NET_ADMIN", "CAP_NET_BROADCAST", "CAP_IPC_LOCK"];

    private static readonly string[] PodFiles = ["hostname", "hosts", "resolv.conf"];

    /// <param name="rootFolder">Read only, shared by all sandboxes; holds the program /pause and the folders proc and dev.</param>
    /// <param name="hostNetwork">The node's network namespace, for a pod that uses it; null makes a new one.</param>
    public static OciSpec ForSandbox(V1Pod pod, string node, string rootFolder, string cgroup, string? hostNetwork)
    {
        var process = new OciProcess(
            new OciUser(0, 0), ["/pause"], [], "/", OciDefaults.Grant([]), NoNewPrivileges: true);
        var linux = new OciLinux(
            [new("pid"), new("network", hostNetwork), new("ipc"), new("uts"), new("mount")],
            $"{cgroup}/pause", OciDefaults.NoDevices, OciDefaults.MaskedPaths, OciDefaults.ReadonlyPaths);
        return new OciSpec(
            process, new OciRoot(rootFolder, Readonly: true), hostNetwork is null ? pod.Hostname() : node,
            [OciDefaults.Proc, new("/dev", "tmpfs", "tmpfs", ["nosuid", "noexec", "mode=755", "size=64k"])], linux)
        {
            Annotations = Annotations(pod, container: null),
        };
    }

    /// <param name="imageUser">Whom the image runs as, with the pod's own wish put in.</param>
    /// <param name="sandboxPid">Whose network, IPC and UTS namespaces the container joins.</param>
    /// <param name="sandboxFolder">Holds hosts, hostname, resolv.conf and shm.</param>
    public static OciSpec ForContainer(
        V1Pod pod, V1Container container, ContainerImage image, OciUser imageUser, string rootFolder, string cgroup, int sandboxPid, string sandboxFolder,
        IReadOnlyDictionary<string, string> environment, IReadOnlyList<OciMount> volumes)
    {
        RefuseWhatIsNotRun(pod, container);
        var security = container.SecurityContext;
        var process = new OciProcess(
            User(pod, security, imageUser),
            Command(container, image, environment),
            ProcessEnvironment(image, environment),
            container.WorkingDir is { Length: > 0 } folder ? folder : image.Stored?.Run.WorkingDirectory ?? "/",
            OciDefaults.Grant(Capabilities(container.Name, security?.Capabilities)),
            NoNewPrivileges: security?.AllowPrivilegeEscalation != true)
        { Terminal = container.Tty == true };
        string Shared(string kind) => $"/proc/{sandboxPid}/ns/{kind}";
        var linux = new OciLinux(
            [
                new("pid", pod.Spec.ShareProcessNamespace == true ? Shared("pid") : null),
                new("network", Shared("net")), new("ipc", Shared("ipc")), new("uts", Shared("uts")), new("mount"),
            ],
            $"{cgroup}/{container.Name}", ContainerLimits.Of(container), OciDefaults.MaskedPaths, OciDefaults.ReadonlyPaths);
        IReadOnlyList<OciMount> mounts =
        [
            .. OciDefaults.Mounts,
            OciDefaults.Bind($"{sandboxFolder}/shm", "/dev/shm", "nosuid", "noexec", "nodev"),
            .. PodFiles.Select(file => OciDefaults.Bind($"{sandboxFolder}/{file}", $"/etc/{file}")),
            .. volumes,
        ];
        // The host name is the sandbox's: runc sets one only in a UTS namespace that it makes.
        return new OciSpec(process, new OciRoot(rootFolder, security?.ReadOnlyRootFilesystem == true), Hostname: null, mounts, linux)
        {
            Annotations = Annotations(pod, container.Name),
        };
    }

    /// <summary>
    /// Kubernetes' rule: command replaces the image's entrypoint, and its default arguments with it; args replaces the arguments.
    /// </summary>
    internal static IReadOnlyList<string> Command(
        V1Container container, ContainerImage image, IReadOnlyDictionary<string, string> environment)
    {
        var expand = (string text) => VariableExpansion.Expand(text, environment);
        var ownArguments = container.Args is { Count: > 0 } args ? args.Select(expand) : null;
        IReadOnlyList<string> whole = container.Command is { Count: > 0 } command
            ? [.. command.Select(expand), .. ownArguments ?? []]
            : [.. image.Command, .. ownArguments ?? image.Arguments];
        return whole.Count > 0 ? whole : throw new ContainerConfigException($"container {container.Name}: no command specified, neither by the image nor by the pod");
    }

    /// <summary>The image's, and over it the pod's.</summary>
    private static IReadOnlyList<string> ProcessEnvironment(ContainerImage image, IReadOnlyDictionary<string, string> environment)
    {
        var all = new OrderedDictionary<string, string>(StringComparer.Ordinal) { ["PATH"] = OciDefaults.Path };
        foreach (var variable in image.Stored?.Run.Environment ?? [])
            all[variable[..variable.IndexOf('=')]] = variable[(variable.IndexOf('=') + 1)..];
        foreach (var (name, value) in environment)
            all[name] = value;
        return [.. all.Select(variable => $"{variable.Key}={variable.Value}")];
    }

    /// <summary>The user that the pod asks for, in words that <see cref="ImageUsers"/> and the image's own use; null: the image's.</summary>
    public static string? WantedUser(V1Pod pod, V1Container container) =>
        (container.SecurityContext?.RunAsUser ?? pod.Spec.SecurityContext?.RunAsUser) is { } user ? $"{user}" : null;

    /// <summary>As the kubelet sees to runAsNonRoot (pkg/kubelet/kuberuntime, verifyRunAsNonRoot): a user who is only a name may be root.</summary>
    public static void VerifyNonRoot(V1Pod pod, V1Container container, ContainerImage image)
    {
        var (own, common) = (container.SecurityContext, pod.Spec.SecurityContext);
        if ((own?.RunAsNonRoot ?? common?.RunAsNonRoot) != true)
            return;
        var user = WantedUser(pod, container);
        var named = user ?? image.Stored?.Run.User.Split(':')[0] ?? "";
        if (named.Length > 0 && !long.TryParse(named, CultureInfo.InvariantCulture, out _))
            throw new ContainerConfigException($"container has runAsNonRoot and image has non-numeric user ({named}), cannot verify user is non-root (pod: \"{pod.FullName()}\", container: {container.Name})");
        if (named.Length == 0 || long.Parse(named, CultureInfo.InvariantCulture) == 0)
            throw new ContainerConfigException($"container{(user is null ? " has runAsNonRoot and image will run as root" : "'s runAsUser breaks non-root policy")} (pod: \"{pod.FullName()}\", container: {container.Name})");
    }

    private static OciUser User(V1Pod pod, V1SecurityContext? container, OciUser image)
    {
        var common = pod.Spec.SecurityContext;
        long[] groups =
        [
            .. image.AdditionalGids ?? [],
            .. common?.SupplementalGroups?.OfType<long>() ?? [],
            .. common?.FsGroup is { } group ? [group] : Array.Empty<long>(),
        ];
        return new OciUser(image.Uid, container?.RunAsGroup ?? common?.RunAsGroup ?? image.Gid, [.. groups.Distinct()]);
    }

    private static IReadOnlyList<string> Capabilities(string container, V1Capabilities? wanted)
    {
        static string Full(string name) => name.StartsWith("CAP_", StringComparison.Ordinal) ? name : "CAP_" + name;
        var dropped = (wanted?.Drop ?? []).Select(Full).ToHashSet(StringComparer.Ordinal);
        var added = (wanted?.Add ?? []).Select(Full).ToArray();
        if (added.Except(Grantable).FirstOrDefault() is { } refused)
            throw new ContainerConfigException($"container {container}: capability {refused} would reach the machine itself");
        return [.. OciDefaults.Capabilities.Where(name => !dropped.Contains(name) && !dropped.Contains("CAP_ALL")).Union(added)];
    }

    private static void RefuseWhatIsNotRun(V1Pod pod, V1Container container)
    {
        if (container.SecurityContext?.Privileged == true)
            throw new ContainerConfigException($"container {container.Name}: privileged would reach the machine itself");
        if (pod.Spec.HostPID == true || pod.Spec.HostIPC == true)
            throw new ContainerConfigException("hostPID and hostIPC would reach the machine itself");
    }

    private static Dictionary<string, string> Annotations(V1Pod pod, string? container)
    {
        var annotations = new Dictionary<string, string>
        {
            ["podnet.dev/pod"] = pod.FullName(),
            ["podnet.dev/uid"] = pod.Metadata.Uid,
        };
        if (container is not null)
            annotations["podnet.dev/container"] = container;
        return annotations;
    }
}
