using k8s.Models;
using Podnet.Local.Controllers;

namespace Podnet.Local.Tests.Controllers;

public sealed class EndpointsPlanTests
{
    [Fact]
    public void Ready_pods_are_addresses_and_others_are_listed_apart()
    {
        var endpoints = EndpointsPlan.Of(Service(selected: true), [Pod("a", "10.244.0.1", ready: true), Pod("b", "10.244.1.1", ready: false)], _ => null)!;
        var subset = Assert.Single(endpoints.Subsets);
        Assert.Equal("10.244.0.1", Assert.Single(subset.Addresses).Ip);
        Assert.Equal("b", Assert.Single(subset.NotReadyAddresses).TargetRef.Name);
        Assert.Equal(80, Assert.Single(subset.Ports).Port);
    }

    [Fact]
    public void Without_pods_there_are_no_subsets_and_without_a_selector_no_Endpoints()
    {
        Assert.Null(EndpointsPlan.Of(Service(selected: true), [], _ => null)!.Subsets);
        Assert.Null(EndpointsPlan.Of(Service(selected: false), [], _ => null));
    }

    [Fact]
    public void Endpoints_that_somebody_writes_become_slices_of_each_family()
    {
        var slices = EndpointsPlan.Mirror(Service(selected: false), Written("192.0.2.1", "2001:db8::1"));
        Assert.Equal(["IPv4", "IPv6"], slices.Select(s => s.AddressType));
        Assert.All(slices, s => Assert.Equal("web", s.Metadata.Labels["kubernetes.io/service-name"]));
        Assert.Equal("192.0.2.1", slices[0].Endpoints[0].Addresses[0]);
        Assert.Equal(5432, slices[0].Ports[0].Port);
    }

    [Fact]
    public void What_has_a_selector_or_does_not_want_it_is_not_mirrored()
    {
        Assert.Empty(EndpointsPlan.Mirror(Service(selected: true), Written("192.0.2.1")));
        Assert.Empty(EndpointsPlan.Mirror(null, Written("192.0.2.1")));
        var shy = Written("192.0.2.1");
        shy.Metadata.Labels = new Dictionary<string, string> { ["endpointslice.kubernetes.io/skip-mirror"] = "true" };
        Assert.Empty(EndpointsPlan.Mirror(Service(selected: false), shy));
    }

    private static V1Service Service(bool selected) => new()
    {
        Metadata = Make.Meta("web"),
        Spec = new V1ServiceSpec
        {
            ClusterIP = "10.96.0.5", IpFamilies = ["IPv4"], Selector = selected ? Make.App("web") : null, Ports = [new V1ServicePort { Port = 80, Protocol = "TCP" }],
        },
    };

    private static V1Pod Pod(string name, string ip, bool ready)
    {
        var pod = Make.Pod(name);
        pod.Status = new V1PodStatus
        {
            Phase = "Running", PodIP = ip, PodIPs = [new V1PodIP { Ip = ip }],
            Conditions = [new V1PodCondition { Type = "Ready", Status = ready ? "True" : "False" }],
        };
        return pod;
    }

    private static V1Endpoints Written(params string[] addresses) => new()
    {
        Metadata = Make.Meta("web"),
        Subsets =
        [
            new V1EndpointSubset
            {
                Addresses = [.. addresses.Select(a => new V1EndpointAddress { Ip = a })],
                Ports = [new Corev1EndpointPort { Port = 5432, Protocol = "TCP" }],
            },
        ],
    };
}
