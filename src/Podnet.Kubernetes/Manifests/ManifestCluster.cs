using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Podnet.Core.Model;

namespace Podnet.Kubernetes.Manifests;

/// <summary>What files say of a cluster, as far as it matters to a node's network; in place of an API server.</summary>
public static class ManifestCluster
{
    private static readonly Resource[] Kinds = [Resources.Nodes, Resources.Services, Resources.EndpointSlices, Resources.ServiceCidrs];

    /// <param name="paths">As for <see cref="ManifestReader.Read"/>.</param>
    /// <param name="say">Told of what is left out, a line each: kinds that are of no matter, and objects with their place.</param>
    /// <exception cref="ManifestException">Something cannot be read, an object is there twice, or there is none at all.</exception>
    public static ClusterState Read(IEnumerable<string> paths, Action<string> say)
    {
        var others = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var objects = ManifestReader.Read(paths, IsOfNetwork);
        if (others.Count > 0)
            say($"left out, being nothing to a node's network: {string.Join(", ", others.Select(kind => $"{kind.Value} {kind.Key}"))}");
        if (objects.Count == 0)
            throw new ManifestException("there is no Node, Service, EndpointSlice or ServiceCIDR in it (to take away what an agent wrote, use 'podnet agent --cleanup')");
        RefuseDoubles(objects);
        return Build(objects, say);

        bool IsOfNetwork(string kind)
        {
            if (Kinds.Any(resource => resource.Kind == kind))
                return true;
            others[kind] = others.GetValueOrDefault(kind) + 1;
            return false;
        }
    }

    /// <summary>Which of the two is meant, nobody but the writer knows.</summary>
    private static void RefuseDoubles(List<ManifestObject> objects)
    {
        var seen = new Dictionary<(string, ObjectName), ManifestObject>();
        foreach (var each in objects)
        {
            if (each.Resource.Namespaced)
                each.Object.Metadata.NamespaceProperty ??= "default";
            if (string.IsNullOrEmpty(each.Object.Metadata.Name))
                throw new ManifestException($"{each.File}:{each.Line}: metadata.name: is missing");
            var name = new ObjectName(each.Object.Metadata.NamespaceProperty ?? "", each.Object.Metadata.Name);
            if (!seen.TryAdd((each.Resource.Kind, name), each))
            {
                var first = seen[(each.Resource.Kind, name)];
                throw new ManifestException($"{each.File}:{each.Line}: {each.Resource.Kind} {name} is there already, at {first.File}:{first.Line}");
            }
        }
    }

    private static ClusterState Build(List<ManifestObject> objects, Action<string> say)
    {
        var place = "";
        var cluster = new ClusterStateBuilder(NullLogger.Instance)
        {
            LeftOut = left => say($"{place}: {left.Kind} {left.Name} is {(left.IsWhole ? "left out" : "used in part")}: {left.Problem}"),
        };
        foreach (var each in objects)
        {
            place = $"{each.File}:{each.Line}";
            switch (each.Object)
            {
                case V1Node node:
                    cluster.Nodes.Put(node);
                    break;
                case V1Service service:
                    if (service.Spec is { Type: not "ExternalName" } spec && string.IsNullOrEmpty(spec.ClusterIP))
                        say($"{place}: Service {service.Metadata.NamespaceProperty}/{service.Metadata.Name} is left out: spec.clusterIP: is missing, and only an API server gives it one");
                    cluster.Services.Put(service);
                    break;
                case V1EndpointSlice slice:
                    cluster.EndpointSlices.Put(slice);
                    break;
                case V1ServiceCIDR cidr:
                    cluster.ServiceCidrs.Put(cidr);
                    break;
                default:
                    throw new InvalidOperationException($"kind {each.Resource.Kind} was not asked for");
            }
        }
        return cluster.Current;
    }
}
