using k8s.Models;
using Podnet.Kubernetes;
using Podnet.Kubernetes.Manifests;
using Podnet.Local.Images;
using Podnet.Local.Kubelet;

namespace Podnet.Cli;

/// <summary>The objects of <c>podnet up -f</c>, checked as far as that goes before there is a cluster.</summary>
internal sealed class UserManifests
{
    private readonly IReadOnlyList<ManifestObject> _objects;

    private UserManifests(IReadOnlyList<ManifestObject> objects) => _objects = objects;

    internal static UserManifests None { get; } = new([]);

    internal int Count => _objects.Count;

    /// <summary>How many pods they ask for.</summary>
    internal int Pods => _objects.Sum(o => o.Object switch
    {
        V1Pod => 1,
        V1StatefulSet set => set.Spec?.Replicas ?? 1,
        V1Deployment deployment => deployment.Spec?.Replicas ?? 1,
        V1ReplicaSet set => set.Spec?.Replicas ?? 1,
        _ => 0,
    });

    internal static UserManifests Read(IReadOnlyList<string> paths)
    {
        try
        {
            var objects = ManifestReader.Read(paths);
            foreach (var o in objects)
                RequireImages(o);
            return new UserManifests(objects);
        }
        catch (ManifestException e)
        {
            throw new UserError(e.Message, exitCode: 2);
        }
    }

    /// <summary>Creates them in their order. What the server refuses is said with file and line.</summary>
    internal async Task CreateAsync(ApiClient client, CancellationToken cancel)
    {
        foreach (var o in _objects)
        {
            o.Object.Metadata.NamespaceProperty ??= o.Resource.Namespaced ? "default" : null;
            try
            {
                await client.CreateAsync(o.Resource, o.Object, cancel);
            }
            catch (ApiException e)
            {
                throw new UserError($"{o.File}:{o.Line}: {e.Message}", exitCode: 2);
            }
        }
    }

    private static void RequireImages(ManifestObject o)
    {
        var spec = o.Object switch
        {
            V1Pod pod => pod.Spec,
            V1StatefulSet set => set.Spec?.Template?.Spec,
            V1Deployment deployment => deployment.Spec?.Template?.Spec,
            V1ReplicaSet set => set.Spec?.Template?.Spec,
            _ => null,
        };
        var store = new ImageStore(ImageStore.DefaultFolder);
        foreach (var container in (spec?.InitContainers ?? []).Concat(spec?.Containers ?? []).Where(c => !string.IsNullOrEmpty(c.Image)))
        {
            if (ImageService.WhyNot(container.Image, container.ImagePullPolicy, store) is { } reason)
                throw new UserError($"{o.File}:{o.Line}: {reason}", exitCode: 2);
        }
    }
}
