using System.Globalization;
using k8s.Models;

namespace Podnet.Local.Tests.Kubelet;

/// <summary>What somebody who has taken over a container, as its root, sees of this machine.</summary>
public class MaskTests
{
    [Fact]
    public async Task Nothing_that_this_machine_keeps_from_its_users_can_be_read()
    {
        var output = await RunAsync("""
            find / -xdev -mindepth 1 -maxdepth 1 | sort | tr '\n' ' '; echo
            echo "home:" $(ls -A /root /home /tmp /srv /mnt /media /boot 2>&1 | grep -v ':$')
            echo "run:" $(find /run -mindepth 1)
            echo "private:" $(find /etc /var /opt /usr/local \( -type f ! -perm -004 -o -type s -o -type b -o -type c \) ! -path '/var/log/nginx/*')
            echo "data:" $(find /var/lib/podnet /var/lib/postgresql /var/lib/docker /var/lib/private /var/backups /var/mail /var/tmp -type f 2>/dev/null)
            echo "logs:" $(find /var/log /var/spool /var/cache -type f)
            for f in /etc/shadow /etc/gshadow /etc/sudoers /etc/ssh/sshd_config /etc/ssl/private /etc/machine-id /etc/fstab /proc/kcore; do
              [ -s $f ] && [ -r $f ] && head -c 20 $f >/dev/null 2>&1 && [ -n "$(head -c 1 $f | tr -d '\0')" ] && echo "readable: $f"
            done
            echo "nginx:" $(stat -c '%U %a' /var/log/nginx)
            true
            """);

        var lines = output.Split('\n');
        var top = lines[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string[] allowed =
        [
            "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/libx32", "/media", "/mnt", "/opt", "/proc", "/root",
            "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/var",
        ];
        Assert.Empty(top.Except(allowed));
        Assert.Contains("home:", lines);
        Assert.Contains("run: /run/lock", lines);
        Assert.Contains("private:", lines);
        Assert.Contains("data:", lines);
        Assert.Contains("logs:", lines);
        Assert.DoesNotContain("readable:", output);
        // What programs need to be able to write their logs is there.
        Assert.Contains("nginx: root 755", lines);
    }

    [Fact]
    public async Task A_write_inside_never_reaches_the_machine()
    {
        var name = "podnet-test-" + Guid.NewGuid().ToString("N");
        var output = await RunAsync($"""
            for folder in / /usr /usr/bin /etc /var /var/lib /opt /root /home /tmp /run /boot; do echo x > $folder/{name} && echo "written $folder"; done
            rm /etc/passwd /usr/bin/tail; echo x >> /etc/group
            echo x > /proc/sys/kernel/domainname && echo "kernel changed"
            grep '^sysfs /sys sysfs ro,' /proc/mounts
            """);

        Assert.Equal(12, output.Split('\n').Count(line => line.StartsWith("written", StringComparison.Ordinal)));
        foreach (var folder in new[] { "", "/usr", "/usr/bin", "/etc", "/var", "/var/lib", "/opt", "/root", "/home", "/tmp", "/run", "/boot" })
            Assert.False(File.Exists($"{folder}/{name}"));
        Assert.True(File.Exists("/etc/passwd"));
        Assert.True(File.Exists("/usr/bin/tail"));
        Assert.DoesNotContain("\nx\n", await File.ReadAllTextAsync("/etc/group"));
        Assert.DoesNotContain("kernel changed", output);
    }

    [Fact]
    public async Task The_machines_disk_cannot_be_opened_nor_anything_mounted_nor_its_processes_seen()
    {
        // "254 0 268435456 vda": the first disk of proc(5)'s partitions.
        var disk = (await File.ReadAllLinesAsync("/proc/partitions"))[2].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var (major, minor) = (int.Parse(disk[0], CultureInfo.InvariantCulture), int.Parse(disk[1], CultureInfo.InvariantCulture));
        var output = await RunAsync($"""
            mknod /tmp/disk b {major} {minor} && echo made; head -c 1 /tmp/disk >/dev/null && echo "disk read"
            mount -t tmpfs none /mnt && echo mounted
            mount -t proc none /mnt && echo mounted
            umount /proc/sys && echo unmounted
            unshare -m true && echo unshared
            echo "processes:" $(ls /proc | grep -c '^[0-9]')
            ls /proc/1/root/work /proc/1/cwd/work >/dev/null 2>&1 && echo "machine seen"
            echo "capabilities:" $(grep CapEff /proc/self/status)
            grep -q 'NoNewPrivs:.1' /proc/self/status && echo "no new privileges"
            true
            """);

        Assert.Contains("made", output);
        foreach (var sign in new[] { "disk read", "mounted\n", "unmounted", "unshared", "machine seen" })
            Assert.DoesNotContain(sign, output);
        Assert.Contains("no new privileges", output);
        // Those of docker and containerd: <linux/capability.h>, bits 0 1 3 4 5 6 7 8 10 13 18 27 29 31.
        Assert.Contains("00000000a80425fb", output);
        var processes = output.Split('\n').Single(line => line.StartsWith("processes:", StringComparison.Ordinal));
        Assert.InRange(int.Parse(processes.Split(' ')[1], CultureInfo.InvariantCulture), 1, 6);
    }

    [Fact]
    public async Task A_name_at_the_top_of_the_machine_that_comes_later_is_not_seen_either()
    {
        await using var node = new TestNode();
        await node.Runtime.Mask;
        var folder = "/podnet-test-" + Guid.NewGuid().ToString("N");
        Directory.CreateDirectory(folder);
        try
        {
            var run = node.Run(TestNode.Script($"ls -d {folder} || echo hidden", "Never"));
            await run.UntilAsync(status => status.Phase is "Succeeded" or "Failed");
            Assert.Contains("hidden", run.Log(0));
        }
        finally
        {
            Directory.Delete(folder);
        }
    }

    [Fact]
    public async Task A_read_only_root_file_system_is_so_everywhere()
    {
        var output = await RunAsync(
            "for folder in / /usr /etc /var /opt /root /tmp; do touch $folder/x 2>/dev/null && echo \"written $folder\"; done; touch /dev/shm/x && echo ok",
            readOnly: true);
        Assert.Equal("ok\n", output);
    }

    private static async Task<string> RunAsync(string script, bool readOnly = false)
    {
        await using var node = new TestNode();
        var pod = TestNode.Script(script, "Never");
        pod.Spec.Containers[0].SecurityContext = new V1SecurityContext { ReadOnlyRootFilesystem = readOnly };
        var run = node.Run(pod);
        await run.UntilAsync(status => status.Phase is "Succeeded" or "Failed");
        Assert.True(run.Status.Phase == "Succeeded", run.Log(0));
        return run.Log(0);
    }
}
