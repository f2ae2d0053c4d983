namespace Podnet.Local.Kubelet;

/// <summary>What every container gets, as containerd's oci.populateDefaultUnixSpec has it.</summary>
internal static class OciDefaults
{
    /// <summary>The search path of a container, and where a program of the machine is looked for.</summary>
    public const string Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    public static readonly IReadOnlyList<string> Capabilities =
    [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
        "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
    ];

    public static readonly IReadOnlyList<string> MaskedPaths =
    [
        "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
        "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
    ];

    public static readonly IReadOnlyList<string> ReadonlyPaths =
        ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

    /// <summary>
    /// With everything denied, runc adds what a container needs (null, zero, full, random, urandom, tty, ptmx, pts). Without
    /// this rule root in a container could make a node for the machine's disk with CAP_MKNOD and read it.
    /// </summary>
    public static readonly OciResources NoDevices = new([new OciDeviceRule(Allow: false, "rwm")]);

    public static readonly OciMount Proc = new("/proc", "proc", "proc", ["nosuid", "noexec", "nodev"]);

    public static readonly IReadOnlyList<OciMount> Mounts =
    [
        Proc,
        new("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        new("/dev/pts", "devpts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
        new("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
        new("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", "ro"]),
    ];

    public static OciMount Bind(string source, string destination, params string[] options) =>
        new(destination, "bind", source, ["rbind", "rprivate", .. options]);

    public static OciCapabilities Grant(IReadOnlyList<string> names) => new(names, names, names);
}
