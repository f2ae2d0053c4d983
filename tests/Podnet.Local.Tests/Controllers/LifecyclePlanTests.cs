using k8s.Models;
using Podnet.Local.Controllers;

namespace Podnet.Local.Tests.Controllers;

public class LifecyclePlanTests
{
    [Theory]
    [InlineData("Gone", "Delete")]
    [InlineData("Gone Gone", "Delete")]
    [InlineData("Gone Present", "Unlink")]
    [InlineData("Gone Unknown", "Unlink")]
    [InlineData("Present", "Keep")]
    [InlineData("Unknown", "Keep")]
    [InlineData("", "Keep")]
    public void An_object_goes_with_the_last_of_its_owners(string owners, string verdict) => Assert.Equal(
        verdict,
        GarbagePlan.Decide(owners.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(o => Enum.Parse<OwnerState>(o))).ToString());

    [Fact]
    public void An_owner_of_the_same_name_made_anew_is_another()
    {
        var reference = Owners.Reference("apps/v1", "ReplicaSet", Make.Meta("web-1"));
        Assert.Equal(OwnerState.Present, GarbagePlan.StateOf(reference, Make.Meta("web-1")));
        Assert.Equal(OwnerState.Gone, GarbagePlan.StateOf(reference, Make.Meta("web-1").With(m => m.Uid = "new")));
        Assert.Equal(OwnerState.Gone, GarbagePlan.StateOf(reference, null));
    }

    [Fact]
    public void Pods_that_ran_on_a_removed_node_go_at_once_and_those_made_for_a_coming_node_wait()
    {
        var ran = Make.Pod("ran").On("gone").With(p => p.Status.StartTime = Make.Now);
        var ending = Make.Pod("ending").On("gone").Terminating();
        var old = Make.Pod("old").On("gone");
        var early = Make.Pod("early").On("gone").With(p => p.Metadata.CreationTimestamp = Make.Now.AddSeconds(-10));
        var decision = NodeLifecyclePlan.WithoutNode([ran, ending, old, early], Make.Now);
        Assert.Equal(["ran", "ending", "old"], decision.Delete.Select(p => p.Metadata.Name));
        Assert.Equal(TimeSpan.FromSeconds(30), decision.Recheck);
    }

    [Fact]
    public void Pods_leave_a_node_whose_taints_they_do_not_bear_or_bear_no_longer()
    {
        static V1Pod Bearing(string name, long? seconds) => Make.Pod(name).On("node-1").With(p => p.Spec.Tolerations =
            [new V1Toleration { Key = "gpu", OperatorProperty = "Exists", Effect = "NoExecute", TolerationSeconds = seconds }]);
        var node = Make.Node("node-1").With(n => n.Spec.Taints =
            [new V1Taint { Key = "gpu", Effect = "NoExecute" }, new V1Taint { Key = "disk", Effect = "NoSchedule" }]);
        V1Pod[] pods = [Make.Pod("stranger").On("node-1"), Bearing("for-good", null), Bearing("for-5", 5), Bearing("for-30", 30)];
        var (evict, recheck) = TaintEvictionPlan.Decide(node, pods, _ => Make.Now.AddSeconds(-10), Make.Now);
        Assert.Equal(["stranger", "for-5"], evict.Select(p => p.Metadata.Name));
        Assert.Equal(TimeSpan.FromSeconds(20), recheck);
    }

    [Fact]
    public void Pods_deleted_before_they_got_a_node_are_ended_for_good()
    {
        V1Pod[] pods = [Make.Pod("waiting"), Make.Pod("ending").Terminating(), Make.Pod("elsewhere").On("node-1").Terminating()];
        Assert.Equal(["ending"], NodeLifecyclePlan.Unbound(pods).Delete.Select(p => p.Metadata.Name));
    }
}
