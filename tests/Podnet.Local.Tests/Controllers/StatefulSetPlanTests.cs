using CsCheck;
using k8s.Models;
using Podnet.Local.Controllers;

namespace Podnet.Local.Tests.Controllers;

public class StatefulSetPlanTests
{
    private static StatefulSetDecision Decide(V1StatefulSet set, params V1Pod[] pods) => StatefulSetPlan.Decide(set, pods, Make.Now);

    private static V1Pod PodOf(V1StatefulSet set, int ordinal) =>
        Decide(set.Clone().With(s => s.Spec.PodManagementPolicy = "Parallel")).Create[ordinal].With(pod =>
        {
            pod.Metadata.Uid = $"uid-of-{pod.Metadata.Name}";
            pod.Status = new V1PodStatus { Phase = "Pending" };
        });

    [Fact]
    public void The_second_pod_waits_until_the_first_is_running_and_ready()
    {
        var set = Make.StatefulSet(2);
        Assert.Equal(["nginx-0"], Decide(set).Create.Select(p => p.Metadata.Name));
        Assert.Empty(Decide(set, PodOf(set, 0)).Create);
        Assert.Empty(Decide(set, PodOf(set, 0).Ready(false)).Create);
        Assert.Equal(["nginx-1"], Decide(set, PodOf(set, 0).Ready()).Create.Select(p => p.Metadata.Name));
        Assert.Empty(Decide(set, PodOf(set, 0).Ready(), PodOf(set, 1).Ready()).Create);
    }

    [Fact]
    public void Parallel_makes_all_pods_at_once_and_removes_all_that_are_too_many()
    {
        var set = Make.StatefulSet(3).With(s => s.Spec.PodManagementPolicy = "Parallel");
        Assert.Equal(["nginx-0", "nginx-1", "nginx-2"], Decide(set).Create.Select(p => p.Metadata.Name));
        var pods = Decide(set).Create.ToArray();
        set.Spec.Replicas = 1;
        Assert.Equal(["nginx-2", "nginx-1"], Decide(set, pods).Delete.Select(p => p.Metadata.Name));
    }

    [Fact]
    public void A_pod_has_a_stable_identity_and_its_address()
    {
        var pod = PodOf(Make.StatefulSet(2, podIPs: "10.240.0.28,10.240.0.57"), 1);
        Assert.Equal("nginx-1", pod.Metadata.Name);
        Assert.Equal("nginx-1", pod.Spec.Hostname);
        Assert.Equal("nginx", pod.Spec.Subdomain);
        Assert.Equal("10.240.0.57", pod.GetAnnotation("podnet.dev/pod-ip"));
        Assert.Equal("nginx-1", pod.GetLabel("statefulset.kubernetes.io/pod-name"));
        Assert.Equal("1", pod.GetLabel("apps.kubernetes.io/pod-index"));
        Assert.Equal("nginx", pod.GetLabel("app"));
        Assert.StartsWith("nginx-", pod.GetLabel("controller-revision-hash"));
        var owner = Assert.Single(pod.Metadata.OwnerReferences);
        Assert.Equal(("apps/v1", "StatefulSet", "nginx", "uid-of-nginx", true), (owner.ApiVersion, owner.Kind, owner.Name, owner.Uid, owner.Controller));
    }

    [Fact]
    public void The_template_itself_stays_as_it_is()
    {
        var set = Make.StatefulSet(1, podIPs: "10.240.0.28");
        Decide(set);
        Assert.Equal(["app"], set.Spec.Template.Metadata.Labels.Keys);
        Assert.Null(set.Spec.Template.Spec.Hostname);
    }

    [Theory]
    [InlineData("10.240.0.28", "10.240.0.28", null, "it has 1 addresses for 2 replicas")]
    [InlineData("10.240.0.28,nonsense", "10.240.0.28", null, "entry 1 (\"nonsense\") is no IP address")]
    [InlineData("10.240,10.240.0.57", null, "10.240.0.57", "entry 0 (\"10.240\") is no IP address")]
    [InlineData("10.240.0.28, 10.240.0.28", "10.240.0.28", null, "entry 1 (10.240.0.28) is there twice")]
    [InlineData("", null, null, "entry 0 (\"\") is no IP address; it has 1 addresses for 2 replicas")]
    public void A_bad_list_of_addresses_is_complained_about_and_spoils_no_good_entry(string list, string? first, string? second, string complaint)
    {
        var set = Make.StatefulSet(2, podIPs: list);
        Assert.Equal(first, PodOf(set, 0).GetAnnotation("podnet.dev/pod-ip"));
        Assert.Equal(second, PodOf(set, 1).GetAnnotation("podnet.dev/pod-ip"));
        Assert.Equal($"annotation podnet.dev/pod-ips: {complaint}; pods without an entry of their own get any address", Decide(set).Complaint);
    }

    [Fact]
    public void Without_a_list_of_addresses_and_with_a_good_one_there_is_no_complaint()
    {
        Assert.Null(Decide(Make.StatefulSet(2)).Complaint);
        Assert.Null(Decide(Make.StatefulSet(2, podIPs: "10.240.0.28,10.240.0.57")).Complaint);
        Assert.Null(Decide(Make.StatefulSet(2, podIPs: "fd00::1c,fd00:0::57,fd00::3")).Complaint);
    }

    [Fact]
    public void Scaling_down_takes_the_highest_ordinal_and_waits_until_it_is_gone()
    {
        var set = Make.StatefulSet(3);
        V1Pod[] pods = [PodOf(set, 0).Ready(), PodOf(set, 1).Ready(), PodOf(set, 2).Ready()];
        set.Spec.Replicas = 1;
        Assert.Equal(["nginx-2"], Decide(set, pods).Delete.Select(p => p.Metadata.Name));
        pods[2].Terminating();
        Assert.Empty(Decide(set, pods).Delete);
        Assert.Equal(["nginx-1"], Decide(set, pods[..2]).Delete.Select(p => p.Metadata.Name));
    }

    [Fact]
    public void A_new_template_replaces_pods_from_the_highest_ordinal_each_when_those_above_are_ready_again()
    {
        var old = Make.StatefulSet(2);
        V1Pod[] pods = [PodOf(old, 0).Ready(), PodOf(old, 1).Ready()];
        var set = Make.StatefulSet(2, image: "nginx:2");
        set.Status = new V1StatefulSetStatus { CurrentRevision = pods[0].GetLabel("controller-revision-hash") };
        Assert.Equal(["nginx-1"], Decide(set, pods).Delete.Select(p => p.Metadata.Name));
        Assert.Empty(Decide(set, pods[0], pods[1].Clone().Terminating()).Delete);
        Assert.Equal(["nginx-1"], Decide(set, pods[0]).Create.Select(p => p.Metadata.Name));
        Assert.Empty(Decide(set, pods[0], PodOf(set, 1)).Delete);
        Assert.Equal(["nginx-0"], Decide(set, pods[0], PodOf(set, 1).Ready()).Delete.Select(p => p.Metadata.Name));
        var half = Decide(set, pods[0], PodOf(set, 1).Ready()).Status;
        Assert.Equal((1, 1), (half.CurrentReplicas, half.UpdatedReplicas));
        Assert.NotEqual(half.CurrentRevision, half.UpdateRevision);
        var done = Decide(set, PodOf(set, 0).Ready(), PodOf(set, 1).Ready()).Status;
        Assert.Equal((2, 2), (done.CurrentReplicas, done.UpdatedReplicas));
        Assert.Equal(done.UpdateRevision, done.CurrentRevision);
    }

    [Fact]
    public void A_partition_and_OnDelete_keep_old_pods()
    {
        var old = Make.StatefulSet(2);
        V1Pod[] pods = [PodOf(old, 0).Ready(), PodOf(old, 1).Ready()];
        var set = Make.StatefulSet(2, image: "nginx:2");
        set.Spec.UpdateStrategy = new V1StatefulSetUpdateStrategy { RollingUpdate = new() { Partition = 1 } };
        Assert.Equal(["nginx-1"], Decide(set, pods).Delete.Select(p => p.Metadata.Name));
        Assert.Empty(Decide(set, pods[0], PodOf(set, 1).Ready()).Delete);
        set.Spec.UpdateStrategy = new V1StatefulSetUpdateStrategy { Type = "OnDelete" };
        Assert.Empty(Decide(set, pods).Delete);
    }

    [Fact]
    public void A_pod_below_the_partition_that_is_lost_comes_back_as_it_was()
    {
        var old = Make.StatefulSet(2);
        var set = Make.StatefulSet(2, image: "nginx:2").With(s => s.Status = Decide(old, PodOf(old, 0).Ready(), PodOf(old, 1).Ready()).Status);
        set.Spec.UpdateStrategy = new V1StatefulSetUpdateStrategy { RollingUpdate = new() { Partition = 1 } };
        var again = StatefulSetPlan.Decide(set, [PodOf(set, 1).Ready()], Make.Now, old.Spec.Template).Create.Single();
        Assert.Equal(("nginx-0", "nginx", set.Status.CurrentRevision), (again.Metadata.Name, again.Spec.Containers[0].Image, again.GetLabel("controller-revision-hash")));
        var updated = StatefulSetPlan.Decide(set, [PodOf(old, 0).Ready()], Make.Now, old.Spec.Template).Create.Single();
        Assert.Equal(("nginx-1", "nginx:2"), (updated.Metadata.Name, updated.Spec.Containers[0].Image));
    }

    [Fact]
    public void Labels_in_another_order_are_the_same_template()
    {
        var (one, other) = (Make.StatefulSet(1), Make.StatefulSet(1));
        one.Spec.Template.Metadata.Labels = new Dictionary<string, string> { ["app"] = "nginx", ["tier"] = "front" };
        other.Spec.Template.Metadata.Labels = new Dictionary<string, string> { ["tier"] = "front", ["app"] = "nginx" };
        Assert.Equal(Decide(one).Status.UpdateRevision, Decide(other).Status.UpdateRevision);
    }

    [Fact]
    public void A_failed_pod_is_deleted_and_then_made_again()
    {
        var set = Make.StatefulSet(1);
        var failed = PodOf(set, 0).Failed();
        Assert.Equal(["nginx-0"], Decide(set, failed).Delete.Select(p => p.Metadata.Name));
        Assert.Empty(Decide(set, failed.Terminating()).Delete);
        Assert.Equal(["nginx-0"], Decide(set).Create.Select(p => p.Metadata.Name));
    }

    [Fact]
    public void An_orphan_of_the_right_name_is_adopted_and_no_other_pod_is_touched()
    {
        var set = Make.StatefulSet(1);
        var orphan = PodOf(set, 0).With(p => p.Metadata.OwnerReferences = null);
        var decision = Decide(set, orphan, Make.Pod("nginx-01", "nginx"), Make.Pod("nginx-x", "nginx"),
            Make.Pod("nginx-1", "nginx").OwnedBy(Make.Meta("somebody"), "StatefulSet"));
        Assert.Equal(["nginx-0"], decision.Adopt.Select(p => p.Metadata.Name));
        Assert.Empty(decision.Create);
        Assert.Empty(decision.Delete);
    }

    [Fact]
    public void A_set_that_is_being_deleted_makes_and_deletes_nothing()
    {
        var set = Make.StatefulSet(2).With(s => s.Metadata.DeletionTimestamp = Make.Now);
        Assert.Empty(Decide(set).Create);
    }

    [Fact]
    public void MinReadySeconds_hold_up_the_next_pod_and_say_when_to_look_again()
    {
        var set = Make.StatefulSet(2).With(s => s.Spec.MinReadySeconds = 10);
        var decision = Decide(set, PodOf(set, 0).Ready(since: Make.Now.AddSeconds(-4)));
        Assert.Empty(decision.Create);
        Assert.Equal(TimeSpan.FromSeconds(6), decision.Recheck);
        Assert.Equal((1, 0), (decision.Status.ReadyReplicas, decision.Status.AvailableReplicas));
        Assert.Single(Decide(set, PodOf(set, 0).Ready(since: Make.Now.AddSeconds(-10))).Create);
    }

    /// <summary>Whatever happens to the pods meanwhile and in whatever order, in the end there are exactly the pods that the set wants.</summary>
    [Fact]
    public void However_pods_come_and_go_it_ends_with_the_wanted_pods()
    {
        Gen.Select(Gen.Int[0, 5], Gen.Int[0, 5], Gen.Bool, Gen.Bool, Gen.Int[0, int.MaxValue]).Sample((before, after, parallel, newImage, seed) =>
        {
            var random = new Random(seed);
            var set = Make.StatefulSet(before);
            set.Spec.PodManagementPolicy = parallel ? "Parallel" : "OrderedReady";
            var cluster = new FakeKubelet(random);
            for (var i = 0; i < 10; i++) cluster.Step(Decide(set, cluster.Pods));
            set.Spec.Replicas = after;
            if (newImage) set.Spec.Template = Make.Template("nginx", "nginx:2");
            for (var i = 0; i < 10; i++)
            {
                cluster.Step(Decide(set, cluster.Pods));
                cluster.Disturb();
            }
            for (var i = 0; i < 150; i++) cluster.Step(Decide(set, cluster.Pods));
            var last = Decide(set, cluster.Pods);
            Assert.Equal(Enumerable.Range(0, after).Select(i => $"nginx-{i}"), cluster.Pods.Select(p => p.Metadata.Name).Order());
            Assert.All(cluster.Pods, pod => Assert.Equal(last.Status.UpdateRevision, pod.GetLabel("controller-revision-hash")));
            Assert.Equal((after, after, after), (last.Status.Replicas, last.Status.ReadyReplicas, last.Status.UpdatedReplicas));
            Assert.Empty(last.Create);
            Assert.Empty(last.Delete);
        }, iter: 60);
    }

    /// <summary>Pods get ready, unready and are gone, in random order.</summary>
    private sealed class FakeKubelet(Random random)
    {
        private readonly Dictionary<string, V1Pod> _pods = [];

        public V1Pod[] Pods
        {
            get
            {
                var pods = _pods.Values.ToArray();
                random.Shuffle(pods);
                return pods;
            }
        }

        public void Step(StatefulSetDecision decision)
        {
            foreach (var pod in decision.Create)
            {
                Assert.DoesNotContain(pod.Metadata.Name, _pods.Keys);
                pod.Metadata.Uid = Guid.NewGuid().ToString();
                pod.Status = new V1PodStatus { Phase = "Pending" };
                _pods.Add(pod.Metadata.Name, pod);
            }
            foreach (var pod in decision.Delete) pod.Terminating();
            foreach (var pod in Pods.Where(_ => random.Next(2) == 0))
            {
                if (pod.IsTerminating()) _pods.Remove(pod.Metadata.Name);
                else if (!pod.IsFinished()) pod.Ready();
            }
        }

        public void Disturb()
        {
            if (Pods.FirstOrDefault() is not { } victim) return;
            if (random.Next(2) == 0) victim.Terminating();
            else victim.Failed();
        }
    }
}
