using k8s.Models;

namespace Podnet.Kubernetes.Converters;

/// <summary>The labels by which Services and EndpointSlices say that the node's own proxy has nothing to do with them.</summary>
public static class ProxyLabels
{
    public const string ServiceProxyName = "service.kubernetes.io/service-proxy-name";
    public const string Headless = "service.kubernetes.io/headless";

    /// <summary>What kube-proxy asks the server for, so that the others are never sent.</summary>
    public static readonly ListSelectors Selectors = new(Label: $"!{Headless},!{ServiceProxyName}");

    public static bool IsOfAnotherProxy(V1ObjectMeta? meta) =>
        meta?.Labels is { } labels && (labels.ContainsKey(ServiceProxyName) || labels.ContainsKey(Headless));
}
