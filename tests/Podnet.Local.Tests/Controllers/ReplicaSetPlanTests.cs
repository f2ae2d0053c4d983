using k8s.Models;
using Podnet.Local.Controllers;

namespace Podnet.Local.Tests.Controllers;

public class ReplicaSetPlanTests
{
    private static ReplicaSetDecision Decide(V1ReplicaSet set, params V1Pod[] pods) => ReplicaSetPlan.Decide(set, pods, Make.Now);

    private static V1Pod Owned(string name) => Make.Pod(name).OwnedBy(Make.Meta("web-1"));

    [Fact]
    public void Missing_pods_are_made_and_those_that_end_do_not_count()
    {
        Assert.Equal(3, Decide(Make.ReplicaSet(3)).Create);
        Assert.Equal(2, Decide(Make.ReplicaSet(3), Owned("a"), Owned("b").Terminating(), Owned("c").Failed()).Create);
        Assert.Equal(0, Decide(Make.ReplicaSet(3), Owned("a"), Owned("b"), Owned("c")).Create);
    }

    [Fact]
    public void The_pods_that_are_missed_least_go_first()
    {
        V1Pod[] inOrder =
        [
            Owned("unbound"),
            Owned("pending").On("node-1"),
            Owned("not-ready").On("node-1").Ready(false),
            Owned("cheap").On("node-1").Ready().Annotated("controller.kubernetes.io/pod-deletion-cost", "-5"),
            Owned("crowded").On("node-1").Ready(),
            Owned("young").On("node-2").Ready(since: Make.Now.AddSeconds(-1)),
            Owned("old").On("node-2").Ready(since: Make.Now.AddSeconds(-9)),
        ];
        var shuffled = inOrder.ToArray();
        new Random(7).Shuffle(shuffled);
        for (var wanted = inOrder.Length; wanted >= 0; wanted--)
        {
            Assert.Equal(
                inOrder.Take(inOrder.Length - wanted).Select(p => p.Metadata.Name),
                Decide(Make.ReplicaSet(wanted), shuffled).Delete.Select(p => p.Metadata.Name));
        }
    }

    [Fact]
    public void Orphans_that_match_are_adopted_and_count()
    {
        var decision = Decide(Make.ReplicaSet(2), Make.Pod("orphan"), Make.Pod("other", "db"));
        Assert.Equal(["orphan"], decision.Adopt.Select(p => p.Metadata.Name));
        Assert.Equal(1, decision.Create);
    }

    [Fact]
    public void A_pod_whose_labels_no_longer_match_is_let_go_and_replaced()
    {
        var decision = Decide(Make.ReplicaSet(1), Owned("quarantined").With(p => p.Metadata.Labels = Make.App("debug")));
        Assert.Equal(["quarantined"], decision.Release.Select(p => p.Metadata.Name));
        Assert.Equal(1, decision.Create);
        Assert.Empty(decision.Delete);
    }

    [Fact]
    public void Pods_of_another_owner_are_left_alone()
    {
        var decision = Decide(Make.ReplicaSet(0), Make.Pod("theirs").OwnedBy(Make.Meta("other")));
        Assert.Empty(decision.Adopt);
        Assert.Empty(decision.Delete);
    }

    [Fact]
    public void A_set_without_a_selector_owns_nothing_new()
    {
        var set = Make.ReplicaSet(0).With(s => s.Spec.Selector = null);
        Assert.Empty(Decide(set, Make.Pod("orphan")).Adopt);
    }

    [Fact]
    public void The_status_counts_what_is_there()
    {
        var set = Make.ReplicaSet(4).With(s => s.Spec.MinReadySeconds = 30);
        var status = Decide(set, Owned("a").Ready(), Owned("b").Ready(since: Make.Now.AddSeconds(-10)), Owned("c"), Owned("d").Terminating()).Status;
        Assert.Equal((3, 2, 1, 3), (status.Replicas, status.ReadyReplicas, status.AvailableReplicas, status.FullyLabeledReplicas));
        Assert.Equal(1, status.ObservedGeneration);
    }

    [Fact]
    public void A_new_pod_is_as_the_template_says_and_belongs_to_the_set()
    {
        var pod = ReplicaSetPlan.NewPod(Make.ReplicaSet(1), "web-1-abcde");
        Assert.Equal("web", pod.GetLabel("app"));
        Assert.True(pod.Metadata.IsControlledBy(Make.Meta("web-1")));
        Assert.Equal("nginx", Assert.Single(pod.Spec.Containers).Image);
    }
}
