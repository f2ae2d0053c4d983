using CsCheck;
using k8s.Models;
using Podnet.Local.Controllers;

namespace Podnet.Local.Tests.Controllers;

public class SchedulingPlanTests
{
    private static readonly V1Node[] TwoNodes = [Make.Node("node-1", "10.240.0.0/27"), Make.Node("node-2", "10.240.0.32/27")];

    private static Placement Place(V1Pod pod, params V1Node[] nodes) => Assert.Single(SchedulingPlan.Decide([pod], nodes));

    private static Dictionary<string, string?> Nodes(IEnumerable<V1Pod> pods, params V1Node[] nodes) =>
        SchedulingPlan.Decide(pods, nodes).ToDictionary(p => p.Pod.Metadata.Name, p => p.Node);

    [Fact]
    public void Pods_of_one_owner_are_spread_before_all_pods_are()
    {
        var owner = Make.Meta("web-1");
        V1Pod[] pods =
        [
            Make.Pod("x").On("node-2"), Make.Pod("y").On("node-2"), Make.Pod("z").On("node-2"),
            Make.Pod("a").OwnedBy(owner), Make.Pod("b").OwnedBy(owner), Make.Pod("c").OwnedBy(owner), Make.Pod("d").OwnedBy(owner),
        ];
        var nodes = Nodes(pods, TwoNodes);
        Assert.Equal("node-1", nodes["a"]);
        Assert.Equal(2, nodes.Values.Count(n => n == "node-2"));
        Assert.Equal("node-1", Place(Make.Pod("alone"), TwoNodes).Node);
    }

    [Fact]
    public void A_pod_with_an_address_goes_to_the_node_whose_pod_CIDR_has_it()
    {
        Assert.Equal("node-1", Place(Make.Pod("a").Annotated("podnet.dev/pod-ip", "10.240.0.28"), TwoNodes).Node);
        Assert.Equal("node-2", Place(Make.Pod("a").Annotated("podnet.dev/pod-ip", "10.240.0.57"), TwoNodes).Node);
        Assert.Equal(
            "0/2 nodes are available: 2 node(s) had no pod CIDR that contains 10.9.9.9.",
            Place(Make.Pod("a").Annotated("podnet.dev/pod-ip", "10.9.9.9"), TwoNodes).Unschedulable);
        Assert.Equal(
            "annotation podnet.dev/pod-ip: \"ten\" is no IP address.",
            Place(Make.Pod("a").Annotated("podnet.dev/pod-ip", "ten"), TwoNodes).Unschedulable);
    }

    [Fact]
    public void Both_addresses_of_a_dual_stack_pod_must_be_the_nodes()
    {
        var node = Make.Node("node-1", "10.240.0.0/27", "fd00:10::/64");
        Assert.Equal("node-1", Place(Make.Pod("a").Annotated("podnet.dev/pod-ip", "10.240.0.5,fd00:10::5"), node).Node);
        Assert.Null(Place(Make.Pod("a").Annotated("podnet.dev/pod-ip", "10.240.0.5,fd00:11::5"), node).Node);
    }

    [Theory]
    [InlineData("1500m", "1Gi", null)]
    [InlineData("2500m", "1Gi", "0/1 nodes are available: 1 Insufficient cpu.")]
    [InlineData("1", "3Gi", "0/1 nodes are available: 1 Insufficient memory.")]
    public void A_pod_goes_where_its_requests_have_room_beside_those_that_are_there(string cpu, string memory, string? why)
    {
        var node = Make.Node("node-1", "10.240.0.0/27").With(n => n.Status.Allocatable = Amounts("3", "3Gi"));
        var there = Requesting(Make.Pod("there"), "1", "1Gi").On("node-1");
        Assert.Equal(why, SchedulingPlan.Decide([there, Requesting(Make.Pod("asked"), cpu, memory)], [node]).Single().Unschedulable);
    }

    [Theory]
    [InlineData("In", "ssd", "node-2")]
    [InlineData("NotIn", "ssd", "node-1")]
    [InlineData("Exists", null, "node-2")]
    [InlineData("DoesNotExist", null, "node-1")]
    [InlineData("In", "tape", null)]
    public void A_required_node_affinity_holds(string @operator, string? value, string? node)
    {
        V1Node[] nodes = [TwoNodes[0], Make.Node("node-2", "10.240.0.32/27").With(n => n.Metadata.Labels = new Dictionary<string, string> { ["disk"] = "ssd" })];
        var pod = Make.Pod("a").With(p => p.Spec.Affinity = new V1Affinity
        {
            NodeAffinity = new V1NodeAffinity
            {
                RequiredDuringSchedulingIgnoredDuringExecution = new V1NodeSelector
                {
                    NodeSelectorTerms =
                    [
                        new V1NodeSelectorTerm
                        {
                            MatchExpressions =
                                [new V1NodeSelectorRequirement { Key = "disk", OperatorProperty = @operator, Values = value is null ? null : [value] }],
                        },
                    ],
                },
            },
        });
        var placement = Place(pod, nodes);
        Assert.Equal((node, node is null ? "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector." : null),
            (placement.Node, placement.Unschedulable));
    }

    [Fact]
    public void Pods_that_want_to_be_apart_are_never_on_one_node()
    {
        static V1Pod Apart(string name) => Make.Pod(name).With(p => p.Spec.Affinity = new V1Affinity
        {
            PodAntiAffinity = new V1PodAntiAffinity { RequiredDuringSchedulingIgnoredDuringExecution = [WebOn("kubernetes.io/hostname")] },
        });
        var placements = SchedulingPlan.Decide([Apart("a"), Apart("b"), Apart("c"), Make.Pod("d")], TwoNodes);
        Assert.Equal(["node-1", "node-2"], placements.Take(2).Select(p => p.Node).Order());
        Assert.Equal("0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.", placements[2].Unschedulable);
        Assert.Equal("0/2 nodes are available: 2 node(s) didn't satisfy existing pods anti-affinity rules.", placements[3].Unschedulable);
    }

    [Fact]
    public void Pods_that_want_each_other_near_go_to_one_node()
    {
        static V1Pod Near(string name, string app) => Make.Pod(name, app).With(p => p.Spec.Affinity = new V1Affinity
        {
            PodAffinity = new V1PodAffinity { RequiredDuringSchedulingIgnoredDuringExecution = [WebOn("kubernetes.io/hostname")] },
        });
        var placements = SchedulingPlan.Decide([Near("a", "web"), Near("b", "web"), Near("c", "db")], TwoNodes);
        Assert.All(placements, placement => Assert.Equal("node-1", placement.Node));
        Assert.Equal("0/2 nodes are available: 2 node(s) didn't match pod affinity rules.", Place(Near("c", "db"), TwoNodes).Unschedulable);
    }

    [Fact]
    public void Pods_are_spread_as_evenly_as_they_ask()
    {
        static V1Pod Spread(string name) => Make.Pod(name).With(p => p.Spec.TopologySpreadConstraints =
        [
            new V1TopologySpreadConstraint
            {
                MaxSkew = 1,
                TopologyKey = "kubernetes.io/hostname",
                WhenUnsatisfiable = "DoNotSchedule",
                LabelSelector = new V1LabelSelector { MatchLabels = Make.App("web") },
            },
        ]);
        var full = Make.Node("node-2", "10.240.0.32/27").With(n => n.Status.Allocatable = Amounts("0", "0"));
        var placements = SchedulingPlan.Decide([Requesting(Spread("a"), "1", "1"), Requesting(Spread("b"), "1", "1")], [TwoNodes[0], full]);
        Assert.Equal("node-1", placements[0].Node);
        Assert.Equal(
            "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match pod topology spread constraints.", placements[1].Unschedulable);
    }

    private static V1PodAffinityTerm WebOn(string key) =>
        new() { TopologyKey = key, LabelSelector = new V1LabelSelector { MatchLabels = Make.App("web") } };

    private static Dictionary<string, ResourceQuantity> Amounts(string cpu, string memory) => new() { ["cpu"] = new(cpu), ["memory"] = new(memory) };

    private static V1Pod Requesting(V1Pod pod, string cpu, string memory) =>
        pod.With(p => p.Spec.Containers[0].Resources = new V1ResourceRequirements { Requests = Amounts(cpu, memory) });

    [Theory]
    [InlineData("8080", "8080", false)]
    [InlineData("8080", "8081", true)]
    [InlineData("8080", "8080/UDP", true)]
    [InlineData("8080", "8080@192.0.2.1", false)]
    [InlineData("8080@192.0.2.1", "8080", false)]
    [InlineData("8080@192.0.2.1", "8080@192.0.2.2", true)]
    [InlineData("8080@192.0.2.1", "8080@192.0.2.1", false)]
    [InlineData("8080", "network 8080", false)]
    [InlineData("network 8080", "8080", false)]
    [InlineData("", "8080", true)]
    public void Two_pods_with_one_host_port_are_not_put_on_one_node(string first, string second, bool together)
    {
        var there = Ports(Make.Pod("there"), first).On("node-1");
        var asked = Ports(Make.Pod("asked"), second);
        var placement = SchedulingPlan.Decide([there, asked], [TwoNodes[0]]).Single();
        Assert.Equal(together ? "node-1" : null, placement.Node);
        if (!together)
            Assert.Equal("0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.", placement.Unschedulable);
        Assert.Equal(2, Nodes([Ports(Make.Pod("a"), "80"), Ports(Make.Pod("b"), "80")], TwoNodes).Values.Distinct().Count());
        Assert.Equal("node-1", SchedulingPlan.Decide([there.Failed(), asked], [TwoNodes[0]]).Single().Node);

        static V1Pod Ports(V1Pod pod, string text) => text.Length == 0 ? pod : pod.With(p =>
        {
            var parts = text.Replace("network ", "").Split('/', '@');
            p.Spec.HostNetwork = text.StartsWith("network", StringComparison.Ordinal) ? true : null;
            p.Spec.Containers =
            [
                new V1Container
                {
                    Name = "main",
                    Ports =
                    [
                        new V1ContainerPort
                        {
                            ContainerPort = p.Spec.HostNetwork == true ? int.Parse(parts[0]) : 80,
                            HostPort = p.Spec.HostNetwork == true ? null : int.Parse(parts[0]),
                            Protocol = text.Contains('/') ? parts[1] : "TCP",
                            HostIP = text.Contains('@') ? parts[1] : null,
                        },
                    ],
                },
            ];
        });
    }

    [Fact]
    public void Each_node_that_does_not_fit_is_counted_under_its_reason()
    {
        V1Node[] nodes =
        [
            Make.Node("a").With(n => n.Status.Conditions[0].Status = "Unknown"),
            Make.Node("b").With(n => n.Status = null),
            Make.Node("c").With(n => n.Spec.Unschedulable = true),
            Make.Node("d").With(n => n.Spec.Taints = [new V1Taint { Key = "gpu", Value = "yes", Effect = "NoSchedule" }]),
            Make.Node("e"),
            Make.Node("f").With(n => n.Status.Conditions.Add(new V1NodeCondition { Type = "NetworkUnavailable", Status = "True" })),
        ];
        var pod = Make.Pod("p").With(p => p.Spec.NodeSelector = new Dictionary<string, string> { ["disk"] = "ssd" });
        Assert.Equal(
            "0/6 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had no network, "
            + "1 node(s) had untolerated taint {gpu: yes}, 1 node(s) were unschedulable, 2 node(s) were not ready.",
            Place(pod, [.. nodes.Select(n => n.With(x => { x.Status?.Conditions = [.. x.Status.Conditions]; }))]).Unschedulable);
        Assert.Equal("no nodes available to schedule pods", Place(pod).Unschedulable);
    }

    [Theory]
    [InlineData("gpu", "Equal", "yes", "NoSchedule", true)]
    [InlineData("gpu", null, "yes", null, true)]
    [InlineData("gpu", "Exists", null, null, true)]
    [InlineData(null, "Exists", null, null, true)]
    [InlineData("gpu", "Equal", "no", "NoSchedule", false)]
    [InlineData("gpu", "Equal", "yes", "NoExecute", false)]
    [InlineData("cpu", "Exists", null, null, false)]
    public void A_taint_is_tolerated_as_Kubernetes_says(string? key, string? @operator, string? value, string? effect, bool fits)
    {
        var node = Make.Node("node-1").With(n => n.Spec.Taints = [new V1Taint { Key = "gpu", Value = "yes", Effect = "NoSchedule" }]);
        var pod = Make.Pod("p").With(p => p.Spec.Tolerations =
            [new V1Toleration { Key = key, OperatorProperty = @operator, Value = value, Effect = effect }]);
        Assert.Equal(fits ? "node-1" : null, Place(pod, node).Node);
    }

    [Fact]
    public void A_nodeSelector_and_a_cordoned_node_are_honoured()
    {
        var pod = Make.Pod("p").With(p => p.Spec.NodeSelector = new Dictionary<string, string> { ["kubernetes.io/hostname"] = "node-2" });
        Assert.Equal("node-2", Place(pod, TwoNodes).Node);
        Assert.Equal("node-2", Place(Make.Pod("p"), Make.Node("node-1").With(n => n.Spec.Unschedulable = true), Make.Node("node-2")).Node);
    }

    [Fact]
    public void Nobody_elses_pods_are_placed()
    {
        V1Pod[] pods =
        [
            Make.Pod("bound").On("somewhere"), Make.Pod("ending").Terminating(), Make.Pod("failed").Failed(),
            Make.Pod("foreign").With(p => p.Spec.SchedulerName = "mine"),
            Make.Pod("gated").With(p => p.Spec.SchedulingGates = [new V1PodSchedulingGate { Name = "wait" }]),
        ];
        Assert.Empty(SchedulingPlan.Decide(pods, TwoNodes));
    }

    [Fact]
    public void The_order_in_which_objects_came_does_not_matter_and_bound_pods_need_nothing_more()
    {
        Gen.Select(Gen.Int[0, 12], Gen.Int[1, 4], Gen.Int[0, int.MaxValue]).Sample((podCount, nodeCount, seed) =>
        {
            var random = new Random(seed);
            var nodes = Enumerable.Range(1, nodeCount).Select(i => Make.Node($"node-{i}")).ToArray();
            var pods = Enumerable.Range(0, podCount)
                .Select(i => Make.Pod($"pod-{i}").OwnedBy(Make.Meta($"owner-{random.Next(2)}"))).ToArray();
            var once = Nodes(pods, nodes);
            random.Shuffle(pods);
            random.Shuffle(nodes);
            Assert.Equal(once, Nodes(pods, nodes));
            foreach (var pod in pods) pod.On(once[pod.Metadata.Name]!);
            Assert.Empty(SchedulingPlan.Decide(pods, nodes));
            foreach (var owned in pods.GroupBy(p => p.Metadata.Controller()!.Uid))
            {
                var counts = nodes.Select(n => owned.Count(p => p.Spec.NodeName == n.Metadata.Name)).ToList();
                Assert.True(counts.Max() - counts.Min() <= 1);
            }
        });
    }
}
