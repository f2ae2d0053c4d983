using System.Globalization;
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
            ContainerConfig.VerifyNonRoot(pod, container.Spec, image);
            var root = image.Stored is { } stored
                ? RootFilesystem.Make(folder, node.Images.Store, stored)
                : RootFilesystem.Make(folder, await node.Mask, image, readOnly);
            var wanted = ContainerConfig.WantedUser(pod, container.Spec);
            // A user of the machine may be in groups that no container should be in.
            var user = image.Stored is null ? new OciUser(wanted is null ? 0 : long.Parse(wanted, CultureInfo.InvariantCulture), 0) : ImageUsers.Find(root, wanted ?? image.Stored.Run.User);
            var fields = new PodFields(pod, sandbox.Addresses, node.Addresses);
            var environment = await ContainerEnvironment.BuildAsync(pod, container.Spec, sandbox.Hostname, fields, node.Objects);
            var mounts = await volumes.MountsAsync(pod, container.Spec, fields, environment, folder);
            var spec = ContainerConfig.ForContainer(
                pod, container.Spec, image, user, root, pod.Cgroup(node.Paths), sandbox.Pause.Pid, sandbox.Folder, environment,
                [.. mounts, TerminationMessage.Mount(container.Spec, folder)]);
            var log = pod.LogFile(node.Paths, container.Name, container.Starts);
            Directory.CreateDirectory(Path.GetDirectoryName(log)!);
            ForgetRun(pod, container.Name, container.Starts - 2);
            if (container.Spec is { Stdin: true } or { Tty: true })
            {
                var console = await ContainerConsole.StartAsync(
                    node, container.Spec, log, (streams, terminal) => node.Runc.RunAsync(id, folder, spec, streams, terminal));
                node.Logs.Add(log);
                return new RunningContainer(id, folder, console.Process, DateTime.UtcNow, image.StopSignal, log, console);
            }

            // A file that the container writes itself: nothing of Podnet's has to be alive for it to go on printing.
            using var output = FileHandle.OpenAppend(log);
            var process = await node.Runc.RunAsync(id, folder, spec, new ExecStreams(Output: output, Error: output));
            node.Logs.Add(log);
            return new RunningContainer(id, folder, process, DateTime.UtcNow, image.StopSignal, log, Console: null);
        }
        catch (Exception)
        {
            node.RemoveFolder(id);
            throw;
        }
    }

    /// <summary>After its first process has ended: nothing of it runs any more, and all that it printed is in its log.</summary>
    public async Task FinishAsync(V1Pod pod, string container, RunningContainer ended)
    {
        // With a process namespace of its own, whatever it started has ended with it.
        if (pod.Spec.ShareProcessNamespace == true)
            await Cgroups.KillAsync($"{pod.Cgroup(node.Paths)}/{container}");
        if (ended.Console is not { } console)
            return;
        try
        {
            await console.Drained;
        }
        catch (IOException e)
        {
            node.Logs.Failed(ended.Log, e);
        }

        console.Dispose();
    }

    public void Remove(RunningContainer ended)
    {
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
