using k8s.Models;

namespace Podnet.Local.Tests;

public sealed class ServiceReadinessTests
{
    private static readonly V1Pod ReadyPod = new()
    {
        Metadata = new V1ObjectMeta { Name = "web-0", NamespaceProperty = "default", Labels = new Dictionary<string, string> { ["app"] = "web", ["tier"] = "front" } },
        Status = new V1PodStatus { Conditions = [new V1PodCondition { Type = "Ready", Status = "True" }] },
    };

    [Fact]
    public void A_Service_with_ready_pods_is_waited_for_until_a_slice_has_them()
    {
        Assert.Equal(["default/web"], ServiceReadiness.Unserved([Service("app", "web")], [ReadyPod], []));
        Assert.Equal(["default/web"], ServiceReadiness.Unserved([Service("app", "web")], [ReadyPod], [Slice("web", "other")]));
        Assert.Empty(ServiceReadiness.Unserved([Service("app", "web")], [ReadyPod], [Slice("web", "default")]));
    }

    [Fact]
    public void A_Service_that_no_ready_pod_matches_is_not_waited_for()
    {
        var starting = new V1Pod { Metadata = ReadyPod.Metadata, Status = new V1PodStatus() };
        Assert.Empty(ServiceReadiness.Unserved([Service("app", "db")], [ReadyPod], []));
        Assert.Empty(ServiceReadiness.Unserved([Service("app", "web")], [starting], []));
        Assert.Empty(ServiceReadiness.Unserved([new V1Service { Metadata = new V1ObjectMeta { Name = "web", NamespaceProperty = "default" }, Spec = new V1ServiceSpec() }], [ReadyPod], []));
    }

    [Fact]
    public void Of_a_Service_of_both_families_both_addresses_are_waited_for()
    {
        var both = Service("app", "web");
        (both.Spec.ClusterIPs, both.Spec.Ports) = (["10.96.0.80", "fd00:96::80"], [new V1ServicePort { Port = 80 }]);
        V1EndpointSlice[] first = [Slice("web", "default", "IPv6")], all = [.. first, Slice("web", "default", "IPv4")];
        Assert.Equal(["default/web"], ServiceReadiness.Unserved([both], [ReadyPod], first));
        Assert.Empty(ServiceReadiness.Unserved([both], [ReadyPod], all));
        Assert.Equal(["[fd00:96::80]:80"], ServiceReadiness.Targets([both], first).Select(target => $"{target.Address}"));
        Assert.Equal(["10.96.0.80:80", "[fd00:96::80]:80"], ServiceReadiness.Targets([both], all).Select(target => $"{target.Address}"));
    }

    private static V1Service Service(string label, string value) => new()
    {
        Metadata = new V1ObjectMeta { Name = "web", NamespaceProperty = "default" },
        Spec = new V1ServiceSpec { Selector = new Dictionary<string, string> { [label] = value } },
    };

    private static V1EndpointSlice Slice(string service, string space, string addressType = "IPv4") => new()
    {
        AddressType = addressType,
        Metadata = new V1ObjectMeta { Name = "s", NamespaceProperty = space, Labels = new Dictionary<string, string> { ["kubernetes.io/service-name"] = service } },
        Endpoints = [new V1Endpoint { Addresses = ["10.244.0.1"], Conditions = new V1EndpointConditions { Ready = true } }],
    };
}
