using System.Collections.Immutable;
using System.Globalization;
using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>What a Job needs next.</summary>
/// <param name="Ended">The reason and message of its end, when this decision ends it; null otherwise.</param>
/// <param name="Expired">Its time to live after its end is over: it goes.</param>
/// <param name="Recheck">When to look again though nothing changes; null for never.</param>
internal sealed record JobDecision(
    ImmutableArray<V1Pod> Create, ImmutableArray<V1Pod> Delete, V1JobStatus Status, (string Reason, string Message)? Ended, bool Expired, TimeSpan? Recheck);

/// <summary>
/// The decisions of Kubernetes' pkg/controller/job, from the Job and the pods that there are now. Pods are not kept by finalizers: one
/// that somebody deletes counts as before only while the status remembers it.
/// </summary>
internal static class JobPlan
{
    private const string IndexAnnotation = "batch.kubernetes.io/job-completion-index";

    /// <summary>Before the pod after the first that failed; then twice as long each time (DefaultJobPodFailureBackOff).</summary>
    private static readonly TimeSpan FirstBackoff = TimeSpan.FromSeconds(10);

    /// <summary>MaxJobPodFailureBackOff.</summary>
    private static readonly TimeSpan LongestBackoff = TimeSpan.FromMinutes(10);

    public static JobDecision Decide(V1Job job, IEnumerable<V1Pod> pods, DateTime now)
    {
        var owned = pods.Where(pod => pod.Metadata.IsControlledBy(job.Metadata)).OrderBy(pod => pod.Metadata.Name, StringComparer.Ordinal).ToList();
        var view = new View(job, owned);
        var status = Status(view, now);
        if (job.Metadata.DeletionTimestamp is not null)
            return new([], [], status, null, false, null);
        if (IsOver(job))
            return new([], [.. view.Active], status, null, Expiry(job, now) == TimeSpan.Zero, Expiry(job, now));
        if (End(view, now) is { } end)
        {
            Finish(status, end, now);
            return new([], [.. view.Active], status, (end.Reason, end.Message), false, Expiry(job, now));
        }
        if (job.Spec.Suspend == true)
        {
            status.StartTime = null;
            return new([], [.. view.Active], status, null, false, null);
        }
        var (missing, wait) = Missing(view, now);
        var surplus = view.Active.Skip(Math.Max(0, view.Wanted)).ToImmutableArray();
        var deadline = job.Spec.ActiveDeadlineSeconds is { } seconds ? status.StartTime!.Value.AddSeconds(seconds) - now : (TimeSpan?)null;
        return new(missing, surplus, status, null, false, wait is null ? deadline : deadline is null || wait < deadline ? wait : deadline);
    }

    private static bool IsOver(V1Job job) => job.Status?.Conditions?.Any(c => c is { Type: "Complete" or "Failed", Status: "True" }) == true;

    /// <summary>How long an ended Job is still kept; null for ever.</summary>
    private static TimeSpan? Expiry(V1Job job, DateTime now)
    {
        if (job.Spec.TtlSecondsAfterFinished is not { } seconds) return null;
        var ended = job.Status?.CompletionTime
            ?? job.Status?.Conditions?.FirstOrDefault(c => c is { Type: "Failed", Status: "True" })?.LastTransitionTime ?? now;
        var left = ended.AddSeconds(seconds) - now;
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    private static (string Type, string Reason, string Message)? End(View view, DateTime now)
    {
        var (job, limit) = (view.Job, view.Job.Spec.BackoffLimit ?? 6);
        if (view.IsComplete) return ("Complete", "CompletionsReached", "Reached expected number of succeeded pods");
        if (view.Failed > limit || (view.RestartsInPlace && (limit == 0 ? view.Restarts > 0 : view.Restarts >= limit)))
            return ("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit");
        if (job.Spec.Suspend != true && job.Spec.ActiveDeadlineSeconds is { } seconds && job.Status?.StartTime is { } start
            && now - start >= TimeSpan.FromSeconds(seconds))
            return ("Failed", "DeadlineExceeded", "Job was active longer than specified deadline");
        return null;
    }

    private static void Finish(V1JobStatus status, (string Type, string Reason, string Message) end, DateTime now)
    {
        string[] types = end.Type == "Complete" ? ["SuccessCriteriaMet", "Complete"] : ["FailureTarget", "Failed"];
        status.Conditions =
        [
            .. status.Conditions ?? [],
            .. types.Select(type => new V1JobCondition
            {
                Type = type, Status = "True", Reason = end.Reason, Message = end.Message, LastProbeTime = now, LastTransitionTime = now,
            }),
        ];
        if (end.Type == "Complete") status.CompletionTime = now;
        (status.Active, status.Ready) = (null, 0);
    }

    /// <summary>The pods to create now, or how long to wait after a failure.</summary>
    private static (ImmutableArray<V1Pod> Create, TimeSpan? Wait) Missing(View view, DateTime now)
    {
        var count = view.Wanted - view.Active.Count - view.Terminating;
        if (count <= 0) return ([], null);
        if (view.LastFailure is { } last)
        {
            var pause = TimeSpan.FromTicks(Math.Min(LongestBackoff.Ticks, FirstBackoff.Ticks << Math.Min(20, Math.Max(0, view.FailedNow - 1))));
            if (last + pause - now is var wait && wait > TimeSpan.Zero) return ([], wait);
        }
        var indexes = view.FreeIndexes.Take(count).ToList();
        return ([.. Enumerable.Range(0, count).Where(i => !view.IsIndexed || i < indexes.Count)
            .Select(i => NewPod(view.Job, view.IsIndexed ? indexes[i] : null))], null);
    }

    private static V1Pod NewPod(V1Job job, int? index)
    {
        var owner = Owners.Reference(V1Job.KubeGroup + "/" + V1Job.KubeApiVersion, V1Job.KubeKind, job.Metadata);
        var name = index is null ? $"{job.Metadata.Name}-{Objects.RandomSuffix()}" : $"{job.Metadata.Name}-{index}-{Objects.RandomSuffix()}";
        var pod = PodTemplates.NewPod(job.Spec.Template, job.Metadata.NamespaceProperty, name, owner);
        if (index is not { } number) return pod;
        var text = number.ToString(CultureInfo.InvariantCulture);
        pod.Metadata.Annotations[IndexAnnotation] = pod.Metadata.Labels[IndexAnnotation] = text;
        pod.Spec.Hostname = $"{job.Metadata.Name}-{text}";
        foreach (var container in (pod.Spec.InitContainers ?? []).Concat(pod.Spec.Containers))
            container.Env = [.. container.Env ?? [], new V1EnvVar { Name = "JOB_COMPLETION_INDEX", Value = text }];
        return pod;
    }

    private static V1JobStatus Status(View view, DateTime now)
    {
        var before = view.Job.Status;
        return new()
        {
            StartTime = before?.StartTime ?? now,
            CompletionTime = before?.CompletionTime,
            Active = view.Active.Count == 0 ? null : view.Active.Count,
            Succeeded = view.Succeeded == 0 ? null : view.Succeeded,
            Failed = view.Failed == 0 ? null : view.Failed,
            Ready = view.Active.Count(pod => pod.IsReady()),
            Terminating = view.Terminating,
            CompletedIndexes = view.IsIndexed ? Ranges(view.DoneIndexes) : null,
            UncountedTerminatedPods = before?.UncountedTerminatedPods,
            Conditions = Suspension(view.Job, now),
        };
    }

    private static IList<V1JobCondition>? Suspension(V1Job job, DateTime now)
    {
        var others = (job.Status?.Conditions ?? []).Where(c => c.Type != "Suspended").ToList();
        var before = job.Status?.Conditions?.FirstOrDefault(c => c.Type == "Suspended");
        var suspended = job.Spec.Suspend == true;
        if (before is null && !suspended) return job.Status?.Conditions;
        var status = suspended ? "True" : "False";
        if (before?.Status == status) return job.Status!.Conditions;
        return
        [
            .. others,
            new()
            {
                Type = "Suspended", Status = status, Reason = suspended ? "JobSuspended" : "JobResumed",
                Message = suspended ? "Job suspended" : "Job resumed", LastProbeTime = now, LastTransitionTime = now,
            },
        ];
    }

    /// <summary>"0-3,5".</summary>
    private static string Ranges(SortedSet<int> indexes)
    {
        var ranges = new List<(int First, int Last)>();
        foreach (var index in indexes)
        {
            if (ranges.Count > 0 && ranges[^1].Last == index - 1) ranges[^1] = (ranges[^1].First, index);
            else ranges.Add((index, index));
        }
        return string.Join(',', ranges.Select(r => r.First == r.Last ? $"{r.First}" : $"{r.First}-{r.Last}"));
    }

    private sealed class View(V1Job job, List<V1Pod> pods)
    {
        public V1Job Job => job;

        public List<V1Pod> Active { get; } = pods.FindAll(pod => pod.IsActive());

        public int Terminating { get; } = pods.Count(pod => pod.IsTerminating() && !pod.IsFinished());

        public bool IsIndexed => job.Spec.CompletionMode == "Indexed";

        public int FailedNow { get; } = pods.Count(pod => pod.Status?.Phase == "Failed");

        /// <summary>The status remembers those that were deleted since.</summary>
        public int Failed => Math.Max(FailedNow, job.Status?.Failed ?? 0);

        public int Succeeded => IsIndexed ? DoneIndexes.Count
            : Math.Max(pods.Count(pod => pod.Status?.Phase == "Succeeded"), job.Status?.Succeeded ?? 0);

        public bool IsComplete => job.Spec.Completions is { } wanted ? Succeeded >= wanted : Succeeded > 0 && Active.Count == 0;

        public bool RestartsInPlace => job.Spec.Template.Spec.RestartPolicy == "OnFailure";

        public int Restarts => Active.Sum(pod => pod.Status?.ContainerStatuses?.Sum(c => c.RestartCount) ?? 0);

        /// <summary>Pods that should be running.</summary>
        public int Wanted
        {
            get
            {
                var parallelism = job.Spec.Parallelism ?? 1;
                if (job.Spec.Completions is { } completions) return Math.Min(parallelism, completions - Succeeded);
                return Succeeded > 0 ? Active.Count : parallelism; // of a work queue no new ones once one has found it empty
            }
        }

        public SortedSet<int> DoneIndexes { get; } = [.. pods.Where(pod => pod.Status?.Phase == "Succeeded").Select(IndexOf).OfType<int>()];

        public IEnumerable<int> FreeIndexes
        {
            get
            {
                var busy = pods.Where(pod => !pod.IsFinished()).Select(IndexOf).OfType<int>().ToHashSet();
                return Enumerable.Range(0, job.Spec.Completions ?? 0).Where(index => !busy.Contains(index) && !DoneIndexes.Contains(index));
            }
        }

        public DateTime? LastFailure => pods.Where(pod => pod.Status?.Phase == "Failed")
            .Select(pod => pod.Status.ContainerStatuses?.Max(c => c.State?.Terminated?.FinishedAt) ?? pod.Metadata.CreationTimestamp).Max();

        private static int? IndexOf(V1Pod pod) =>
            int.TryParse(pod.GetAnnotation(IndexAnnotation), CultureInfo.InvariantCulture, out var index) ? index : null;
    }
}
