using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Linux;

namespace Podnet.Local.Kubelet;

/// <summary>The containers of one pod: starts them, takes note of their ends, ends them. Used by the pod's one worker.</summary>
/// <param name="wake">Called from anywhere when there is something for the worker to look at.</param>
internal sealed class PodContainers(V1Pod first, NodeRuntime node, PodVolumes volumes, IPodObserver observer, ILogger logger, Action wake)
{
    private readonly CancellationTokenSource _quiet = new();
    private readonly HashSet<Task> _hooks = [];
    private readonly ContainerLauncher _launcher = new(node, volumes);

    /// <summary>Since when all of them are being ended; the grace period counts from here.</summary>
    private DateTime? _ending;

    public IReadOnlyList<PodContainer> All { get; } =
    [
        .. (first.Spec.InitContainers ?? []).Select(spec => Make(first, spec, spec.RestartPolicy == "Always" ? ContainerRole.Sidecar : ContainerRole.Init)),
        .. first.Spec.Containers.Select(spec => Make(first, spec, ContainerRole.Main)),
    ];

    private string FullName => first.FullName();

    public bool AnyRuns => All.Any(c => c.Running is not null);

    /// <summary>Starts what is due. Returns when each has been started or has failed to.</summary>
    public Task StartDueAsync(V1Pod pod, PodSandbox sandbox)
    {
        var now = DateTime.UtcNow;
        _ending = null;
        return Task.WhenAll(ContainerOrder.Startable(All, pod.Spec.RestartPolicy).Where(c => c.Due <= now && !c.WaitsForImage).ToArray().Select(c => StartAsync(pod, c, sandbox)));
    }

    /// <summary>Null: only something that happens makes anything due.</summary>
    public DateTime? NextDue(string? restartPolicy)
    {
        var starts = ContainerOrder.Startable(All, restartPolicy).Where(c => !c.WaitsForImage).Select(c => c.Due);
        return starts.Concat(NextKill()).Min();
    }

    /// <summary>When the next one that does not end by itself is killed.</summary>
    public IEnumerable<DateTime?> NextKill() => All.Where(c => c is { Running: not null, Stop: not null }).Select(c => (DateTime?)c.Stop!.Deadline);

    /// <summary>Ends those whose liveness or startup probe has failed for good; their restart follows from their end.</summary>
    public void StopUnhealthy(Func<TimeSpan> grace, string address)
    {
        foreach (var container in All)
        {
            container.Look();
            if (container is not { Stop: null, Probes: { Failed: { } probe } probes })
                continue;
            BeginStop(container, DateTime.UtcNow, probes.Grace is { } own ? () => own : grace, address, $"Container {container.Name} failed {probe} probe, will be restarted");
        }
    }

    /// <summary>Asks every container to end that was not asked yet: its preStop hook, then SIGTERM or what the image asks for.</summary>
    public void BeginStopAll(Func<TimeSpan> grace, string address)
    {
        _ending ??= DateTime.UtcNow;
        // What runs beside the others ends after them, in the opposite order of its start.
        var mainsRun = All.Any(c => c is { Role: not ContainerRole.Sidecar, Running: not null });
        var next = mainsRun
            ? All.Where(c => c is { Role: not ContainerRole.Sidecar, Running: not null })
            : All.Reverse().Where(c => c.Running is not null).Take(1);
        foreach (var container in next.Where(c => c.Stop is null).ToArray())
            BeginStop(container, _ending.Value, grace, address, $"Stopping container {container.Name}");
    }

    public async Task KillOverdueAsync(DateTime now)
    {
        var overdue = All.Where(c => c is { Running: not null, Stop: { } stop } && stop.Deadline <= now).Select(c => c.Running!.Process).ToArray();
        foreach (var process in overdue.Where(p => !p.Exited.IsCompleted))
            process.Kill(Signals.Kill);
        await Task.WhenAll(overdue.Select(p => p.Exited));
    }

    /// <summary>Takes note of containers whose process has ended, and clears them away.</summary>
    /// <param name="stopped">Their end is no failure: the pod is being ended.</param>
    /// <param name="show">Called after each.</param>
    public async Task NoteEndsAsync(V1Pod pod, bool stopped, Action show)
    {
        foreach (var container in All.Where(c => c.Running is { Process.Exited.IsCompleted: true }))
        {
            var running = container.Running!;
            var status = await running.Process.Exited;
            await _launcher.FinishAsync(pod, container.Name, running);
            var wait = container.Finished(status.ShellCode, status.Signal, stopped, TerminationMessage.Of(container.Spec, running, status.ShellCode));
            logger.ContainerEnded(FullName, container.Name, status);
            show();
            _launcher.Remove(running);
            if (!stopped && container.MayStart(pod.Spec.RestartPolicy))
                SayBackOff(container, wait);
        }
    }

    /// <summary>For a kubelet that ends while its containers go on: after this no probe or hook runs any more.</summary>
    public async Task QuietAsync()
    {
        await _quiet.CancelAsync();
        foreach (var container in All)
            container.Probes?.Dispose();
        await Task.WhenAll([.. _hooks, .. All.Select(c => c.Probes?.Running ?? Task.CompletedTask)]);
    }

    private static PodContainer Make(V1Pod pod, V1Container spec, ContainerRole role)
    {
        var container = new PodContainer(spec, role);
        var shown = role == ContainerRole.Main ? pod.Status?.ContainerStatuses : pod.Status?.InitContainerStatuses;
        if (shown?.FirstOrDefault(s => s.Name == spec.Name) is { } status)
            container.Resume(status);
        return container;
    }

    private async Task StartAsync(V1Pod pod, PodContainer container, PodSandbox sandbox)
    {
        container.Image ??= FindImage(pod, container);
        if (container.WaitsForImage)
        {
            // The pod goes on meanwhile: it may be deleted, and others of its containers have probes.
            container.Image.GetAwaiter().OnCompleted(wake);
            return;
        }

        var found = await container.Image;
        container.Image = null;
        if (found.Image is not { } image)
        {
            SayImageMissing(container, found);
            return;
        }

        try
        {
            var running = await _launcher.LaunchAsync(pod, container, image, sandbox);
            running.Process.Exited.GetAwaiter().OnCompleted(wake);
            Say(container, warning: false, "Pulled", found.Message);
            Say(container, warning: false, "Created", $"Created container {container.Name}");
            Say(container, warning: false, "Started", $"Started container {container.Name}");
            await PostStartAsync(container, running, sandbox.Addresses[0]);
            container.Started(running, image.Source, Probes(container, running, sandbox.Addresses[0]));
            container.Probes?.Start();
        }
        catch (ContainerConfigException e)
        {
            container.Refused(e.Message, e.MayChange);
            Say(container, warning: true, "Failed", $"Error: {e.Message}");
        }
        catch (Exception e) when (PodRunner.IsOrdinary(e))
        {
            var wait = container.CouldNotStart(e.Message, image.Source);
            logger.ContainerFailed(FullName, container.Name, e.Message);
            Say(container, warning: true, "Failed", $"Error: {e.Message}");
            SayBackOff(container, wait);
        }
    }

    private Task<ImageOutcome> FindImage(V1Pod pod, PodContainer container) => node.Images.FindAsync(new ImageRequest(
        container.Spec.Image,
        container.Spec.ImagePullPolicy,
        () => PullSecrets.ReadAsync(pod, node.Objects, name => Say(
            container, warning: true, "FailedToRetrieveImagePullSecret", $"Unable to retrieve some image pull secrets ({name}); attempting to pull the image may not succeed.")),
        () => Say(container, warning: false, "Pulling", $"Pulling image \"{container.Spec.Image}\"")));

    private void SayImageMissing(PodContainer container, ImageOutcome outcome)
    {
        container.ImageMissing(outcome);
        var reason = outcome.Reason switch
        {
            "InvalidImageName" => "InspectFailed",
            "ErrImageNeverPull" => "ErrImageNeverPull",
            _ => "Failed",
        };
        Say(container, warning: true, reason, outcome.Message);
        if (container.Waiting is { Reason: "ImagePullBackOff" })
            Say(container, warning: false, "BackOff", $"Back-off pulling image \"{container.Spec.Image}\"");
        Say(container, warning: true, "Failed", $"Error: {container.Waiting!.Value.Reason}");
    }

    /// <summary>A container whose hook fails is killed.</summary>
    private async Task PostStartAsync(PodContainer container, RunningContainer running, string address)
    {
        if (container.Spec.Lifecycle?.PostStart is not { } hook)
            return;
        var outcome = await LifecycleHooks.RunAsync(hook, container.Spec, address, running, node, LifecycleHooks.Longest, _quiet.Token);
        if (outcome.Succeeded)
            return;
        Say(container, warning: true, "FailedPostStartHook", $"PostStartHook failed: {outcome.Output}");
        running.Process.Kill(Signals.Kill);
        await running.Process.Exited;
    }

    private ContainerProbes? Probes(PodContainer container, RunningContainer running, string address)
    {
        if (container.Role == ContainerRole.Init || (container.Spec.LivenessProbe ?? container.Spec.ReadinessProbe ?? container.Spec.StartupProbe) is null)
            return null;
        return new ContainerProbes(
            container.Spec,
            (probe, ct) => node.Prober.ProbeAsync(probe, container.Spec, address, running, node.Runc, ct),
            wake,
            (name, why) => Say(container, warning: true, "Unhealthy", $"{name} probe failed: {why}"));
    }

    private void BeginStop(PodContainer container, DateTime began, Func<TimeSpan> grace, string address, string message)
    {
        Say(container, warning: false, "Killing", message);
        var stop = container.Stop = new ContainerStop(began, grace);
        var running = container.Running!;
        if (container.Spec.Lifecycle?.PreStop is { } hook)
            _hooks.Add(AskAfterHookAsync(hook, container, running, stop, address));
        else
            Ask(running, stop);
    }

    private async Task AskAfterHookAsync(V1LifecycleHandler hook, PodContainer container, RunningContainer running, ContainerStop stop, string address)
    {
        try
        {
            var outcome = await LifecycleHooks.RunAsync(hook, container.Spec, address, running, node, stop.Grace, _quiet.Token);
            if (!outcome.Succeeded)
                Say(container, warning: true, "FailedPreStopHook", $"PreStopHook failed: {outcome.Output}");
        }
        catch (OperationCanceledException)
        {
            return; // the kubelet ends; whoever comes after it ends the container
        }
        catch (Exception e) when (PodRunner.IsOrdinary(e) || e is ContainerConfigException)
        {
            Say(container, warning: true, "FailedPreStopHook", $"PreStopHook failed: {e.Message}");
        }

        Ask(running, stop);
        wake();
    }

    private static void Ask(RunningContainer running, ContainerStop stop)
    {
        if (!running.Process.Exited.IsCompleted)
            running.Process.Kill(running.StopSignal);
        stop.Asked(DateTime.UtcNow);
    }

    private void SayBackOff(PodContainer container, TimeSpan wait)
    {
        if (wait > TimeSpan.Zero)
            Say(container, warning: true, "BackOff", $"Back-off restarting failed container {container.Name} in pod {FullName}");
    }

    private void Say(PodContainer container, bool warning, string reason, string message) => observer.Happened(warning, reason, message, container.Name);
}
