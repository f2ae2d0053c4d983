using Podnet.Linux;

namespace Podnet.Local.Tests.Kubelet;

/// <summary>Debian 12's kubectl, 1.20, unpacked beside whatever kubectl is installed.</summary>
internal static class OldKubectl
{
    private const string Folder = "/var/tmp/podnet-tests/kubectl-1.20";

    public static readonly Lazy<string> Program = new(Unpack);

    private static string Unpack()
    {
        const string program = $"{Folder}/usr/bin/kubectl";
        if (File.Exists(program))
            return program;
        var scratch = $"{Folder}.{Environment.ProcessId}";
        Directory.CreateDirectory(scratch);
        Run(new ProcessStart("apt-get", ["-qq", "download", "kubernetes-client"]) { WorkingDirectory = scratch });
        Run(new ProcessStart("dpkg-deb", ["-x", Directory.GetFiles(scratch, "*.deb").Single(), scratch]));
        Directory.Move(scratch, Folder);
        return program;
    }

    private static void Run(ProcessStart start)
    {
        var result = ChildProcess.Run(start, default, TimeSpan.FromMinutes(2));
        Assert.True(result.Succeeded, $"{start.Program}: {result.StandardError}");
    }
}
