namespace Podnet.EndToEnd.Tests;

/// <summary>The example cluster, brought up once for the tests that only look at it or put back what they change.</summary>
public sealed class NginxCase : IDisposable
{
    public LocalCluster Cluster { get; } = new(
        "e2e", "--config", Repository.Example("cluster.yaml"), "-f", Repository.Example("nginx.yaml"));

    public void Dispose() => Cluster.Dispose();
}

[CollectionDefinition(nameof(NginxCase), DisableParallelization = true)]
public sealed class NginxCaseCollection : ICollectionFixture<NginxCase>;
