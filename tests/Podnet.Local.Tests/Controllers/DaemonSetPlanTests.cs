using k8s.Models;
using Podnet.Local.Controllers;

namespace Podnet.Local.Tests.Controllers;

public sealed class DaemonSetPlanTests
{
    private static readonly DateTime Now = Make.Now;

    [Fact]
    public void Every_node_gets_a_pod_of_its_own_ready_or_not()
    {
        var sick = Make.Node("node-2");
        sick.Spec = new V1NodeSpec { Unschedulable = true, Taints = [new V1Taint { Key = "node.kubernetes.io/not-ready", Effect = "NoExecute" }] };
        var decision = DaemonSetPlan.Decide(Set(), [], [Make.Node("node-1"), sick], Now);
        Assert.Equal(["node-1", "node-2"], decision.Create.Select(pod => pod.Spec.NodeName));
        Assert.Equal(2, decision.Status.DesiredNumberScheduled);
    }

    [Fact]
    public void A_node_that_the_template_does_not_suit_is_left_out_and_loses_its_pod()
    {
        var set = Set();
        set.Spec.Template.Spec.NodeSelector = new Dictionary<string, string> { ["disk"] = "fast" };
        var fast = Make.Node("node-1");
        fast.Metadata.Labels = new Dictionary<string, string> { ["disk"] = "fast" };
        var decision = DaemonSetPlan.Decide(set, [Pod(set, "a", "node-2")], [fast, Make.Node("node-2")], Now);
        Assert.Equal("node-1", Assert.Single(decision.Create).Spec.NodeName);
        Assert.Equal("a", Assert.Single(decision.Delete).Metadata.Name);
        Assert.Equal(1, decision.Status.NumberMisscheduled);
    }

    [Fact]
    public void A_tainted_node_is_for_those_that_tolerate_it()
    {
        var node = Make.Node("node-1");
        node.Spec = new V1NodeSpec { Taints = [new V1Taint { Key = "special", Value = "yes", Effect = "NoSchedule" }] };
        Assert.Empty(DaemonSetPlan.Decide(Set(), [], [node], Now).Create);
        var set = Set();
        set.Spec.Template.Spec.Tolerations = [new V1Toleration { OperatorProperty = "Exists" }];
        Assert.Single(DaemonSetPlan.Decide(set, [], [node], Now).Create);
    }

    [Fact]
    public void Pods_of_an_old_template_go_one_after_the_other()
    {
        var old = Set();
        var pods = new[] { Pod(old, "a", "node-1"), Pod(old, "b", "node-2") };
        var set = Set("nginx:2");
        var nodes = new[] { Make.Node("node-1"), Make.Node("node-2") };
        var first = DaemonSetPlan.Decide(set, pods, nodes, Now);
        Assert.Equal("a", Assert.Single(first.Delete).Metadata.Name);
        Assert.Equal(0, first.Status.UpdatedNumberScheduled);
        // The other waits until the first is back.
        Assert.Empty(DaemonSetPlan.Decide(set, [pods[1]], nodes, Now).Delete);
        Assert.Equal("b", Assert.Single(DaemonSetPlan.Decide(set, [Pod(set, "c", "node-1"), pods[1]], nodes, Now).Delete).Metadata.Name);
    }

    [Fact]
    public void OnDelete_leaves_old_pods_alone()
    {
        var pods = new[] { Pod(Set(), "a", "node-1") };
        var set = Set("nginx:2");
        set.Spec.UpdateStrategy = new V1DaemonSetUpdateStrategy { Type = "OnDelete" };
        Assert.Empty(DaemonSetPlan.Decide(set, pods, [Make.Node("node-1")], Now).Delete);
    }

    [Fact]
    public void What_has_ended_is_replaced_and_one_too_many_goes()
    {
        var set = Set();
        var ended = Pod(set, "a", "node-1");
        ended.Status.Phase = "Failed";
        Assert.Equal("a", Assert.Single(DaemonSetPlan.Decide(set, [ended], [Make.Node("node-1")], Now).Delete).Metadata.Name);
        var younger = Pod(set, "c", "node-1");
        younger.Metadata.CreationTimestamp = Now;
        Assert.Equal("c", Assert.Single(DaemonSetPlan.Decide(set, [younger, Pod(set, "b", "node-1")], [Make.Node("node-1")], Now).Delete).Metadata.Name);
    }

    private static V1DaemonSet Set(string image = "nginx") => new()
    {
        Metadata = Make.Meta("agent"),
        Spec = new V1DaemonSetSpec { Selector = new V1LabelSelector { MatchLabels = Make.App("web") }, Template = Make.Template("web", image) },
    };

    /// <summary>Ready, as the set would have made it.</summary>
    private static V1Pod Pod(V1DaemonSet set, string name, string node)
    {
        var pod = Make.Pod(name);
        pod.Metadata.Labels["controller-revision-hash"] = Objects.TemplateHash(set.Spec.Template);
        pod.Metadata.OwnerReferences = [new V1OwnerReference { Kind = "DaemonSet", Name = "agent", Uid = "uid-of-agent", Controller = true }];
        pod.Spec.NodeName = node;
        pod.Status = new V1PodStatus { Phase = "Running", Conditions = [new V1PodCondition { Type = "Ready", Status = "True" }] };
        return pod;
    }
}
