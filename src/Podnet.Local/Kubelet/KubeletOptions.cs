namespace Podnet.Local.Kubelet;

/// <summary>What the kubelet of one node has to know.</summary>
public sealed record KubeletOptions
{
    public required string NodeName { get; init; }

    public required ClusterPaths Paths { get; init; }

    /// <summary>The program podnet-cni.</summary>
    public required string PluginPath { get; init; }

    /// <summary>The program pause: one static file.</summary>
    public required string PausePath { get; init; }

    /// <summary>Where containers' images come from; the cluster's nodes share it.</summary>
    public required ImageService Images { get; init; }

    /// <summary>The node's own on the fabric, as the Node object shows them: "10.99.0.2".</summary>
    public required IReadOnlyList<string> Addresses { get; init; }

    /// <summary>The addresses at which pods find the cluster's DNS server, for their resolv.conf.</summary>
    public IReadOnlyList<string> ClusterDns { get; init; } = [];

    /// <summary>Of its pods, in bytes; null is the kernel's, 1500.</summary>
    public int? PodMtu { get; init; }
}
