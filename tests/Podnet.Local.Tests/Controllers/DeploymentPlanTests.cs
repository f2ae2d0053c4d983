using CsCheck;
using k8s.Models;
using Podnet.Local.Controllers;

namespace Podnet.Local.Tests.Controllers;

public class DeploymentPlanTests
{
    private static DeploymentDecision Decide(V1Deployment deployment, params V1ReplicaSet[] sets) =>
        DeploymentPlan.Decide(deployment, sets, [], Make.Now);

    [Fact]
    public void The_first_ReplicaSet_has_all_replicas_and_the_hash_of_its_template()
    {
        var set = Decide(Make.Deployment(3)).Create!;
        var hash = set.GetLabel("pod-template-hash");
        Assert.Equal(10, hash.Length);
        Assert.Equal($"web-{hash}", set.Metadata.Name);
        Assert.Equal(3, set.Spec.Replicas);
        Assert.Equal(hash, set.Spec.Selector.MatchLabels["pod-template-hash"]);
        Assert.Equal(hash, set.Spec.Template.Metadata.Labels["pod-template-hash"]);
        Assert.Equal("1", set.GetAnnotation("deployment.kubernetes.io/revision"));
        Assert.True(set.Metadata.IsControlledBy(Make.Meta("web")));
    }

    [Theory]
    [InlineData("25%", "25%", 4, 1, 1)]
    [InlineData("25%", "25%", 10, 3, 2)]
    [InlineData("0", "25%", 2, 0, 1)] // 25 % of 2 rounds down to 0: one must be allowed to move.
    [InlineData("1", "0", 2, 1, 0)]
    [InlineData("0", "100%", 3, 0, 3)]
    [InlineData(null, null, 1, 1, 0)]
    public void Surge_rounds_up_and_unavailable_rounds_down(string? surge, string? unavailable, int replicas, int maxSurge, int maxUnavailable)
    {
        var deployment = Make.Deployment(replicas);
        deployment.Spec.Strategy = new V1DeploymentStrategy { RollingUpdate = new() { MaxSurge = surge!, MaxUnavailable = unavailable! } };
        var rollout = new Rollout(deployment, []);
        Assert.Equal((maxSurge, maxUnavailable), (rollout.MaxSurge, rollout.MaxUnavailable));
    }

    [Fact]
    public void A_ReplicaSet_is_adopted_when_its_template_is_the_Deployments_own()
    {
        var orphan = Decide(Make.Deployment(2)).Create!.With(s => s.Metadata.OwnerReferences = null);
        var decision = Decide(Make.Deployment(2), orphan);
        Assert.Single(decision.Adopt);
        Assert.Null(decision.Create);
    }

    [Fact]
    public void Going_back_to_an_old_template_takes_its_ReplicaSet_again_with_a_new_revision()
    {
        var cluster = new FakeCluster();
        cluster.RunToEnd(Make.Deployment(2, "v1"));
        cluster.RunToEnd(Make.Deployment(2, "v2"));
        cluster.RunToEnd(Make.Deployment(2, "v1"));
        Assert.Equal(2, cluster.Sets.Count);
        var current = Assert.Single(cluster.Sets, set => set.Spec.Replicas == 2);
        Assert.Equal("v1", current.Spec.Template.Spec.Containers[0].Image);
        Assert.Equal("3", current.GetAnnotation("deployment.kubernetes.io/revision"));
    }

    [Fact]
    public void Old_ReplicaSets_beyond_the_history_limit_are_deleted()
    {
        var cluster = new FakeCluster();
        for (var version = 1; version <= 6; version++)
            cluster.RunToEnd(Make.Deployment(1, $"v{version}").With(d => d.Spec.RevisionHistoryLimit = 2));
        Assert.Equal(["v4", "v5", "v6"], cluster.Sets.Select(s => s.Spec.Template.Spec.Containers[0].Image).Order());
    }

    [Fact]
    public void A_paused_Deployment_does_not_roll_but_scales()
    {
        var cluster = new FakeCluster();
        cluster.RunToEnd(Make.Deployment(2, "v1"));
        cluster.RunToEnd(Make.Deployment(4, "v2").With(d => d.Spec.Paused = true), complete: false);
        var set = Assert.Single(cluster.Sets);
        Assert.Equal(4, set.Spec.Replicas);
        Assert.Equal("v1", set.Spec.Template.Spec.Containers[0].Image);
    }

    [Fact]
    public void Recreate_begins_when_the_last_old_pod_is_gone()
    {
        var cluster = new FakeCluster();
        cluster.RunToEnd(Make.Deployment(2, "v1"));
        var next = Make.Deployment(2, "v2").With(d => d.Spec.Strategy = new V1DeploymentStrategy { Type = "Recreate" });
        var pod = Make.Pod("last").OwnedBy(cluster.Sets[0].Metadata).Terminating();
        var first = DeploymentPlan.Decide(next, cluster.Sets, [pod], Make.Now);
        Assert.Equal(0, first.Create!.Spec.Replicas);
        Assert.Equal(0, Assert.Single(first.Update).Spec.Replicas);
        cluster.Apply(first);
        Assert.DoesNotContain(DeploymentPlan.Decide(next, cluster.Sets, [pod], Make.Now).Update, set => set.Spec.Replicas > 0);
        Assert.Contains(DeploymentPlan.Decide(next, cluster.Sets, [], Make.Now).Update, set => set.Spec.Replicas == 2);
    }

    [Fact]
    public void A_template_that_never_gets_ready_does_not_hold_up_its_successor()
    {
        var cluster = new FakeCluster();
        cluster.RunToEnd(Make.Deployment(4, "good"));
        cluster.Broken = "bad";
        cluster.RunToEnd(Make.Deployment(4, "bad"), complete: false);
        Assert.True(cluster.Available >= 3);
        cluster.RunToEnd(Make.Deployment(4, "better"));
    }

    [Fact]
    public void The_conditions_say_how_far_it_is()
    {
        var deployment = Make.Deployment(2);
        var cluster = new FakeCluster();
        var begun = Decide(deployment).Status;
        Assert.Equal(("False", "MinimumReplicasUnavailable"), Condition(begun, "Available"));
        Assert.Equal(("True", "NewReplicaSetCreated"), Condition(begun, "Progressing"));
        cluster.RunToEnd(deployment);
        var done = Decide(deployment, [.. cluster.Sets]).Status;
        Assert.Equal(("True", "MinimumReplicasAvailable"), Condition(done, "Available"));
        Assert.Equal(("True", "NewReplicaSetAvailable"), Condition(done, "Progressing"));
        Assert.Equal((2, 2, 2, 0), (done.Replicas, done.UpdatedReplicas, done.AvailableReplicas, done.UnavailableReplicas));
    }

    [Fact]
    public void A_rollout_that_does_not_move_for_its_deadline_has_failed_until_it_moves()
    {
        var cluster = new FakeCluster { Broken = "bad" };
        var deployment = Make.Deployment(2, "bad");
        deployment.Spec.ProgressDeadlineSeconds = 60;
        cluster.RunToEnd(deployment, complete: false);
        deployment.Status = Decide(deployment, [.. cluster.Sets]).Status;
        deployment.Status = DeploymentPlan.Decide(deployment, cluster.Sets, [], Make.Now.AddSeconds(59)).Status;
        Assert.Equal("True", Condition(deployment.Status, "Progressing").Item1);
        deployment.Status = DeploymentPlan.Decide(deployment, cluster.Sets, [], Make.Now.AddSeconds(61)).Status;
        Assert.Equal(("False", "ProgressDeadlineExceeded"), Condition(deployment.Status, "Progressing"));
        deployment.Status.ReadyReplicas = -1; // fewer than there are now
        Assert.Equal(("True", "ReplicaSetUpdated"), Condition(DeploymentPlan.Decide(deployment, cluster.Sets, [], Make.Now.AddSeconds(62)).Status, "Progressing"));
    }

    [Fact]
    public void Deciding_again_later_changes_no_times()
    {
        var cluster = new FakeCluster();
        var deployment = Make.Deployment(2);
        cluster.RunToEnd(deployment);
        deployment.Status = Decide(deployment, [.. cluster.Sets]).Status;
        var later = DeploymentPlan.Decide(deployment, cluster.Sets, [], Make.Now.AddHours(1));
        Assert.True(Objects.Same(deployment.Status, later.Status));
    }

    [Fact]
    public void A_rollout_never_has_too_many_or_too_few_pods_and_ends()
    {
        Gen.Select(Gen.Int[0, 8], Gen.Int[0, 8], Gen.Int[0, 3], Gen.Int[0, 3], Gen.Int[0, int.MaxValue]).Sample((before, after, surge, unavailable, seed) =>
        {
            if (surge + unavailable == 0) return;
            var random = new Random(seed);
            var cluster = new FakeCluster { Random = random };
            V1Deployment Version(int replicas, string image) => Make.Deployment(replicas, image).With(d =>
                d.Spec.Strategy = new V1DeploymentStrategy { RollingUpdate = new() { MaxSurge = surge, MaxUnavailable = unavailable } });
            cluster.RunToEnd(Version(before, "v1"));
            cluster.RunToEnd(Version(after, "v1"));
            cluster.Limits = (after + surge, Math.Max(0, after - unavailable));
            cluster.RunToEnd(Version(after, "v2"));
            cluster.Limits = null;
            for (var i = 0; i < 4; i++) cluster.Round(Version(after, "v3"));
            cluster.RunToEnd(Version(before, "v4"));
            Assert.Equal(before, cluster.Available);
        }, iter: 40);
    }

    private static (string, string) Condition(V1DeploymentStatus status, string type)
    {
        var condition = status.Conditions.Single(c => c.Type == type);
        return (condition.Status, condition.Reason);
    }

    /// <summary>ReplicaSets whose pods become available some time after they are wanted.</summary>
    private sealed class FakeCluster
    {
        public List<V1ReplicaSet> Sets { get; private set; } = [];

        public Random Random { get; init; } = new(1);

        /// <summary>An image whose pods never become available.</summary>
        public string? Broken { get; set; }

        /// <summary>The most pods that may be wanted, the fewest that must be available.</summary>
        public (int Most, int Fewest)? Limits { get; set; }

        public int Available => Sets.Sum(set => Math.Min(set.Spec.Replicas ?? 1, set.Status?.AvailableReplicas ?? 0));

        public void RunToEnd(V1Deployment deployment, bool complete = true)
        {
            for (var i = 0; i < 60; i++) Round(deployment);
            var last = DeploymentPlan.Decide(deployment, Sets, [], Make.Now);
            Assert.Null(last.Create);
            Assert.Empty(last.Update);
            Assert.Empty(last.Delete);
            if (complete) Assert.True(new Rollout(deployment, [.. Sets]).IsComplete);
        }

        public void Round(V1Deployment deployment)
        {
            Apply(DeploymentPlan.Decide(deployment, Sets, [], Make.Now));
            Check();
            foreach (var set in Sets.Where(_ => Random.Next(2) == 0))
            {
                var (wanted, available) = (set.Spec.Replicas ?? 1, set.Status?.AvailableReplicas ?? 0);
                var ready = set.Spec.Template.Spec.Containers[0].Image == Broken ? 0 : Math.Min(wanted, available + Random.Next(1, 3));
                set.Status = new V1ReplicaSetStatus { Replicas = wanted, ReadyReplicas = ready, AvailableReplicas = ready, ObservedGeneration = 1 };
                Check();
            }
        }

        public void Apply(DeploymentDecision decision)
        {
            var created = decision.Create is { } set ? [set.With(s => s.Metadata.Uid = Guid.NewGuid().ToString())] : Array.Empty<V1ReplicaSet>();
            Sets = [.. Sets.Where(s => decision.Delete.All(d => d.Metadata.Name != s.Metadata.Name))
                .Select(s => decision.Update.FirstOrDefault(u => u.Metadata.Name == s.Metadata.Name) ?? s)
                .Concat(created).OrderBy(_ => Random.Next())];
        }

        private void Check()
        {
            if (Limits is not var (most, fewest)) return;
            Assert.True(Sets.Sum(set => set.Spec.Replicas) <= most);
            Assert.True(Available >= fewest);
        }
    }
}
