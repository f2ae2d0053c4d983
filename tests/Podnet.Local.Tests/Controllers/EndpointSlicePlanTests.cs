using CsCheck;
using k8s.Models;
using Podnet.Local.Controllers;

namespace Podnet.Local.Tests.Controllers;

public class EndpointSlicePlanTests
{
    private static readonly V1Node Node = Make.Node("node-1").With(n => n.Metadata.Labels["topology.kubernetes.io/zone"] = "zone-a");

    private static EndpointSliceDecision Decide(V1Service service, IReadOnlyCollection<V1Pod> pods, params V1EndpointSlice[] slices) =>
        EndpointSlicePlan.Decide(service, pods, name => name == "node-1" ? Node : null, slices);

    private static V1EndpointSlice Only(V1Service service, params V1Pod[] pods) => Assert.Single(Decide(service, pods).Create);

    private static V1Pod ReadyPod(int number) => Make.Pod($"web-{number}").On("node-1").At($"10.240.{number / 200}.{(number % 200) + 1}").Ready();

    [Fact]
    public void A_ready_pod_is_an_endpoint_with_its_node_and_zone()
    {
        var slice = Only(Make.Service(), ReadyPod(1));
        Assert.Equal("IPv4", slice.AddressType);
        Assert.Equal("web", slice.GetLabel("kubernetes.io/service-name"));
        Assert.Equal("endpointslice-controller.k8s.io", slice.GetLabel("endpointslice.kubernetes.io/managed-by"));
        Assert.True(slice.Metadata.IsControlledBy(Make.Meta("web")));
        Assert.StartsWith("web-", slice.Metadata.Name);
        var port = Assert.Single(slice.Ports);
        Assert.Equal(("web", "TCP", 80), (port.Name, port.Protocol, port.Port));
        var endpoint = Assert.Single(slice.Endpoints);
        Assert.Equal(["10.240.0.2"], endpoint.Addresses);
        Assert.Equal(("node-1", "zone-a", "web-1", "Pod"), (endpoint.NodeName, endpoint.Zone, endpoint.TargetRef.Name, endpoint.TargetRef.Kind));
        Assert.Equal((true, true, false), Conditions(endpoint));
        Assert.Null(endpoint.Hostname);
    }

    [Fact]
    public void Conditions_follow_readiness_and_deletion()
    {
        var service = Make.Service();
        Assert.Equal((false, false, false), Conditions(Only(service, ReadyPod(1).Ready(false)).Endpoints[0]));
        Assert.Equal((false, true, true), Conditions(Only(service, ReadyPod(1).Terminating()).Endpoints[0]));
        service.Spec.PublishNotReadyAddresses = true;
        Assert.Equal((true, false, false), Conditions(Only(service, ReadyPod(1).Ready(false)).Endpoints[0]));
        Assert.Equal((true, true, true), Conditions(Only(service, ReadyPod(1).Terminating()).Endpoints[0]));
    }

    [Fact]
    public void Pods_without_an_address_finished_ones_and_those_of_others_are_none()
    {
        var slice = Only(Make.Service(), Make.Pod("pending"), ReadyPod(1).Failed(), Make.Pod("db", "db").At("10.0.0.1").Ready());
        Assert.Empty(slice.Endpoints);
        Assert.Empty(slice.Ports);
    }

    [Fact]
    public void A_Service_without_a_selector_and_an_ExternalName_get_no_slices()
    {
        Assert.Empty(Decide(Make.Service().With(s => s.Spec.Selector = null), [ReadyPod(1)]).Create);
        Assert.Empty(Decide(Make.Service().With(s => s.Spec.Type = "ExternalName"), [ReadyPod(1)]).Create);
    }

    [Fact]
    public void A_named_target_port_is_each_pods_own()
    {
        var service = Make.Service("web", new V1ServicePort { Name = "web", Port = 80, Protocol = "TCP", TargetPort = "web" });
        var other = ReadyPod(2).With(p => p.Spec.Containers[0].Ports = [new V1ContainerPort { Name = "web", ContainerPort = 8080 }]);
        var without = ReadyPod(3).With(p => p.Spec.Containers[0].Ports = null);
        var slices = Decide(service, [ReadyPod(1), other, without]).Create;
        Assert.Equal(
            ["web-1:80", "web-2:8080", "web-3:"],
            slices.Select(s => $"{s.Endpoints[0].TargetRef.Name}:{s.Ports.FirstOrDefault()?.Port}").Order());
    }

    [Fact]
    public void A_headless_Service_has_labelled_slices_with_host_names()
    {
        var service = Make.Service().With(s => s.Spec.ClusterIP = "None");
        var pod = ReadyPod(1).With(p => (p.Spec.Hostname, p.Spec.Subdomain) = ("web-1", "web"));
        var slice = Only(service, pod);
        Assert.Equal("", slice.GetLabel("service.kubernetes.io/headless"));
        Assert.Equal("web-1", slice.Endpoints[0].Hostname);
        Assert.Null(Only(Make.Service(), ReadyPod(2)).GetLabel("service.kubernetes.io/headless"));
    }

    [Fact]
    public void Each_address_family_has_its_own_slices()
    {
        var service = Make.Service().With(s => s.Spec.IpFamilies = ["IPv4", "IPv6"]);
        var slices = Decide(service, [Make.Pod("web-1").At("10.240.0.2", "fd00::2").Ready()]).Create;
        Assert.Equal(["IPv4 10.240.0.2", "IPv6 fd00::2"], slices.Select(s => $"{s.AddressType} {s.Endpoints[0].Addresses[0]}"));
        Assert.Equal(2, slices.Select(s => s.Metadata.Name).Distinct().Count());
    }

    [Fact]
    public void A_slice_holds_100_endpoints_at_most()
    {
        var slices = Decide(Make.Service(), [.. Enumerable.Range(0, 250).Select(ReadyPod)]).Create;
        Assert.Equal([50, 100, 100], slices.Select(s => s.Endpoints.Count).Order());
    }

    [Fact]
    public void One_more_pod_changes_one_slice_only()
    {
        var pods = Enumerable.Range(0, 250).Select(ReadyPod).ToList();
        V1EndpointSlice[] slices = [.. Decide(Make.Service(), pods).Create];
        pods.Add(ReadyPod(250));
        var decision = Decide(Make.Service(), pods, slices);
        Assert.Equal(51, Assert.Single(decision.Update).Endpoints.Count);
        Assert.Empty(decision.Create);
        Assert.Empty(decision.Delete);
    }

    [Fact]
    public void The_first_endpoint_changes_the_empty_slice_into_its_own()
    {
        var empty = Only(Make.Service());
        var decision = Decide(Make.Service(), [ReadyPod(1)], empty);
        Assert.Equal(empty.Metadata.Name, Assert.Single(decision.Update).Metadata.Name);
        Assert.Equal(80, Assert.Single(decision.Update[0].Ports).Port);
        Assert.Empty(decision.Create);
        Assert.Empty(decision.Delete);
    }

    [Fact]
    public void Slices_of_others_are_left_alone()
    {
        var manual = Only(Make.Service(), ReadyPod(9)).With(s => s.Metadata.Labels["endpointslice.kubernetes.io/managed-by"] = "somebody");
        var former = Only(Make.Service().With(s => s.Metadata.Uid = "before"), ReadyPod(9));
        var decision = Decide(Make.Service(), [ReadyPod(1)], manual, former);
        Assert.Single(decision.Create);
        Assert.Empty(decision.Update);
        Assert.Empty(decision.Delete);
    }

    [Fact]
    public void The_Services_labels_are_the_slices_too()
    {
        var slice = Only(Make.Service(), ReadyPod(1));
        var labelled = Make.Service().With(s => s.Metadata.Labels = new Dictionary<string, string> { ["service.kubernetes.io/service-proxy-name"] = "x" });
        Assert.Equal("x", Assert.Single(Decide(labelled, [ReadyPod(1)], slice).Update).GetLabel("service.kubernetes.io/service-proxy-name"));
    }

    [Fact]
    public void Whatever_happened_before_the_slices_end_up_with_exactly_the_pods_and_then_rest()
    {
        Gen.Select(Gen.Int[0, 260].Array[1, 6], Gen.Bool, Gen.Int[0, int.MaxValue]).Sample((counts, named, seed) =>
        {
            var random = new Random(seed);
            var service = named
                ? Make.Service("web", new V1ServicePort { Name = "web", Port = 80, TargetPort = "web" })
                : Make.Service();
            var slices = new List<V1EndpointSlice>();
            foreach (var count in counts)
            {
                var pods = Enumerable.Range(0, count).Where(_ => random.Next(4) > 0).Select(i => ReadyPod(i)
                    .Ready(random.Next(5) > 0)
                    .With(p => p.Spec.Containers[0].Ports[0].ContainerPort = i % 7 == 0 ? 8080 : 80)).ToArray();
                random.Shuffle(pods);
                Apply(slices, Decide(service, pods, [.. slices.OrderBy(_ => random.Next())]));
                random.Shuffle(pods);
                var again = Decide(service, pods, [.. slices.OrderBy(_ => random.Next())]);
                Assert.Equal((0, 0, 0), (again.Create.Length, again.Update.Length, again.Delete.Length));
                Assert.Equal(
                    pods.Select(p => $"{p.Metadata.Name} {p.IsReady()} {(named ? p.Spec.Containers[0].Ports[0].ContainerPort : 80)}").Order(),
                    slices.SelectMany(s => s.Endpoints.Select(e => $"{e.TargetRef.Name} {e.Conditions.Ready} {s.Ports[0].Port}")).Order());
                Assert.All(slices, s => Assert.InRange(s.Endpoints.Count, pods.Length == 0 ? 0 : 1, 100));
                Assert.NotEmpty(slices);
                Assert.Equal(slices.Count, slices.Select(s => s.Metadata.Name).Distinct().Count());
            }
        }, iter: 15);
    }

    private static void Apply(List<V1EndpointSlice> slices, EndpointSliceDecision decision)
    {
        slices.RemoveAll(s => decision.Delete.Concat(decision.Update).Any(d => d.Metadata.Name == s.Metadata.Name));
        slices.AddRange(decision.Update);
        slices.AddRange(decision.Create);
    }

    private static (bool?, bool?, bool?) Conditions(V1Endpoint endpoint) =>
        (endpoint.Conditions.Ready, endpoint.Conditions.Serving, endpoint.Conditions.Terminating);
}
