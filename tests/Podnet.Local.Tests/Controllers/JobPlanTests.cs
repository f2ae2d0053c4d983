using k8s.Models;
using Podnet.Local.Controllers;

namespace Podnet.Local.Tests.Controllers;

public sealed class JobPlanTests
{
    private static readonly DateTime Now = Make.Now;

    [Fact]
    public void As_many_pods_as_may_run_at_once_are_created()
    {
        var decision = JobPlan.Decide(Job(completions: 5, parallelism: 2), [], Now);
        Assert.Equal(2, decision.Create.Length);
        Assert.All(decision.Create, pod => Assert.Equal("Job", pod.Metadata.OwnerReferences[0].Kind));
        Assert.Equal(Now, decision.Status.StartTime);
    }

    [Fact]
    public void No_more_are_started_than_completions_are_missing()
    {
        var decision = JobPlan.Decide(Job(completions: 3, parallelism: 3), [Pod("a", "Succeeded"), Pod("b", "Succeeded"), Pod("c", "Running")], Now);
        Assert.Empty(decision.Create);
        Assert.Equal((1, 2), (decision.Status.Active, decision.Status.Succeeded));
    }

    [Fact]
    public void It_is_complete_when_enough_have_succeeded()
    {
        var decision = JobPlan.Decide(Job(), [Pod("a", "Succeeded")], Now);
        Assert.Equal("CompletionsReached", decision.Ended?.Reason);
        Assert.Equal(["SuccessCriteriaMet", "Complete"], decision.Status.Conditions.Select(c => c.Type));
        Assert.Equal(Now, decision.Status.CompletionTime);
    }

    [Fact]
    public void A_work_queue_is_done_when_one_has_succeeded_and_none_runs()
    {
        var job = Job(completions: null, parallelism: 2);
        Assert.Null(JobPlan.Decide(job, [Pod("a", "Succeeded"), Pod("b", "Running")], Now).Ended);
        Assert.Empty(JobPlan.Decide(job, [Pod("a", "Succeeded"), Pod("b", "Running")], Now).Create);
        Assert.NotNull(JobPlan.Decide(job, [Pod("a", "Succeeded"), Pod("b", "Failed")], Now).Ended);
    }

    [Fact]
    public void A_pod_that_failed_is_tried_again_after_a_pause_that_doubles()
    {
        var once = JobPlan.Decide(Job(), [Pod("a", "Failed", ended: Now.AddSeconds(-4))], Now);
        Assert.Empty(once.Create);
        Assert.Equal(TimeSpan.FromSeconds(6), once.Recheck);
        var twice = JobPlan.Decide(Job(), [Pod("a", "Failed", ended: Now.AddSeconds(-30)), Pod("b", "Failed", ended: Now.AddSeconds(-15))], Now);
        Assert.Equal(TimeSpan.FromSeconds(5), twice.Recheck);
        Assert.Single(JobPlan.Decide(Job(), [Pod("a", "Failed", ended: Now.AddSeconds(-11))], Now).Create);
    }

    [Fact]
    public void Beyond_the_backoff_limit_it_fails_and_what_runs_is_ended()
    {
        var decision = JobPlan.Decide(Job(parallelism: 2, backoffLimit: 0), [Pod("a", "Failed"), Pod("b", "Running")], Now);
        Assert.Equal("BackoffLimitExceeded", decision.Ended?.Reason);
        Assert.Equal("b", Assert.Single(decision.Delete).Metadata.Name);
    }

    [Fact]
    public void Restarts_in_place_count_towards_the_limit()
    {
        var job = Job(backoffLimit: 2);
        job.Spec.Template.Spec.RestartPolicy = "OnFailure";
        var pod = Pod("a", "Running");
        pod.Status.ContainerStatuses = [new V1ContainerStatus { Name = "c", RestartCount = 2 }];
        Assert.Equal("BackoffLimitExceeded", JobPlan.Decide(job, [pod], Now).Ended?.Reason);
    }

    [Fact]
    public void It_has_a_deadline()
    {
        var job = Job();
        job.Spec.ActiveDeadlineSeconds = 60;
        job.Status = new V1JobStatus { StartTime = Now.AddSeconds(-50) };
        var before = JobPlan.Decide(job, [Pod("a", "Running")], Now);
        Assert.Null(before.Ended);
        Assert.Equal(TimeSpan.FromSeconds(10), before.Recheck);
        Assert.Equal("DeadlineExceeded", JobPlan.Decide(job, [Pod("a", "Running")], Now.AddSeconds(10)).Ended?.Reason);
    }

    [Fact]
    public void Suspended_it_has_no_pods_and_no_start()
    {
        var job = Job();
        job.Spec.Suspend = true;
        var decision = JobPlan.Decide(job, [Pod("a", "Running")], Now);
        Assert.Equal("a", Assert.Single(decision.Delete).Metadata.Name);
        Assert.Null(decision.Status.StartTime);
        Assert.Equal("Suspended", Assert.Single(decision.Status.Conditions).Type);
    }

    [Fact]
    public void What_has_ended_stays_as_it_is_until_its_time_is_over()
    {
        var job = Job();
        job.Spec.TtlSecondsAfterFinished = 100;
        job.Status = JobPlan.Decide(job, [Pod("a", "Succeeded")], Now).Status;
        var later = JobPlan.Decide(job, [], Now.AddSeconds(40));
        Assert.Empty(later.Create);
        Assert.Null(later.Ended);
        Assert.Equal(TimeSpan.FromSeconds(60), later.Recheck);
        Assert.True(JobPlan.Decide(job, [], Now.AddSeconds(100)).Expired);
    }

    [Fact]
    public void Indexed_each_index_succeeds_once()
    {
        var job = Job(completions: 4, parallelism: 4);
        job.Spec.CompletionMode = "Indexed";
        var pods = new[] { Pod("a", "Succeeded", index: 0), Pod("b", "Succeeded", index: 1), Pod("c", "Running", index: 3) };
        var decision = JobPlan.Decide(job, pods, Now);
        var made = Assert.Single(decision.Create);
        Assert.Equal("2", made.Metadata.Annotations["batch.kubernetes.io/job-completion-index"]);
        Assert.Contains(made.Spec.Containers[0].Env, e => e is { Name: "JOB_COMPLETION_INDEX", Value: "2" });
        Assert.Equal("0-1", decision.Status.CompletedIndexes);
    }

    private static V1Job Job(int? completions = 1, int parallelism = 1, int backoffLimit = 6)
    {
        var template = Make.Template("web");
        template.Spec.RestartPolicy = "Never";
        return new()
        {
            Metadata = Make.Meta("job"),
            Spec = new V1JobSpec { Completions = completions, Parallelism = parallelism, BackoffLimit = backoffLimit, Template = template },
        };
    }

    private static V1Pod Pod(string name, string phase, DateTime? ended = null, int? index = null)
    {
        var pod = Make.Pod(name);
        pod.Metadata.OwnerReferences = [new V1OwnerReference { Kind = "Job", Name = "job", Uid = "uid-of-job", Controller = true }];
        pod.Metadata.Annotations = index is null ? null : new Dictionary<string, string> { ["batch.kubernetes.io/job-completion-index"] = $"{index}" };
        pod.Status = new V1PodStatus { Phase = phase };
        if (ended is not null)
            pod.Status.ContainerStatuses = [new V1ContainerStatus { State = new V1ContainerState { Terminated = new V1ContainerStateTerminated { FinishedAt = ended } } }];
        return pod;
    }
}
