using k8s.Models;
using Podnet.Linux;

namespace Podnet.Local.Kubelet;

/// <summary>Starts a container in a sandbox, and clears away one that has ended.</summary>
internal sealed class ContainerLauncher(NodeRuntime node, PodVolumes volumes)
{
    /// <exception cref="ContainerConfigException">Nothing was started, and nothing would be another time.</exception>
    /// <exception cref="RuncException"/>
    /// <exception cref="IOException"/>
    public async Task<RunningContainer> LaunchAsync(V1Pod pod, PodContainer container, ContainerImage image, PodSandbox sandbox)
    {
        var (id, folder) = node.NewFolder();
        try
        {
            var readOnly = container.Spec.SecurityContext?.ReadOnlyRootFilesystem == true;
            var root = RootFilesystem.Make(folder, await node.Mask, image, readOnly);
            var fields = new PodFields(pod, sandbox.Addresses, node.Addresses);
            var environment = await ContainerEnvironment.BuildAsync(pod, container.Spec, sandbox.Hostname, fields, node.Objects);
            var mounts = await volumes.MountsAsync(pod, container.Spec, fields, environment, folder);
            var spec = ContainerConfig.ForContainer(
                pod, container.Spec, image, root, pod.Cgroup(node.Paths), sandbox.Pause.Pid, sandbox.Folder, environment,
                [.. mounts, TerminationMessage.Mount(container.Spec, folder)]);
            // A file that the container writes itself: nothing of Podnet's has to be alive for it to go on printing.
            var log = pod.LogFile(node.Paths, container.Name, container.Starts);
            Directory.CreateDirectory(Path.GetDirectoryName(log)!);
            ForgetRun(pod, container.Name, container.Starts - 2);
            using var output = FileHandle.OpenAppend(log);
            var process = await node.Runc.RunAsync(id, folder, spec, output);
            node.Logs.Add(log);
            return new RunningContainer(id, folder, process, DateTime.UtcNow, image.StopSignal, log);
        }
        catch (Exception)
        {
            node.RemoveFolder(id);
            throw;
        }
    }

    /// <summary>After its first process has ended.</summary>
    public async Task RemoveAsync(V1Pod pod, string container, RunningContainer ended)
    {
        // With a process namespace of its own, whatever it started has ended with it.
        if (pod.Spec.ShareProcessNamespace == true)
            await Cgroups.KillAsync($"{pod.Cgroup(node.Paths)}/{container}");
        node.Logs.Remove(ended.Log);
        node.RemoveFolder(ended.Id);
    }

    /// <summary>Only the newest run and the one before it can be asked for.</summary>
    private void ForgetRun(V1Pod pod, string container, int run)
    {
        var log = pod.LogFile(node.Paths, container, run);
        File.Delete(log);
        File.Delete(LogKeeper.TimesOf(log));
    }
}
