using System.Text;
using k8s.Models;

namespace Podnet.Local.Kubelet;

/// <summary>The tokens in one pod's volumes. Each is replaced long before it ends (pkg/kubelet/token/token_manager.go).</summary>
internal sealed class PodTokens(IPodObjects objects)
{
    /// <summary>None is kept longer, however long it is good.</summary>
    private static readonly TimeSpan LongestUse = TimeSpan.FromHours(24);

    private readonly Dictionary<(string? Audience, long Seconds), (byte[] Token, DateTime Due)> _tokens = [];

    /// <exception cref="ContainerConfigException"/>
    /// <exception cref="IOException">The API server is away, and the one that is there is due.</exception>
    public async Task<byte[]> GetAsync(V1Pod pod, V1ServiceAccountTokenProjection wanted)
    {
        var key = (string.IsNullOrEmpty(wanted.Audience) ? null : wanted.Audience, wanted.ExpirationSeconds ?? 3600);
        if (_tokens.TryGetValue(key, out var known) && DateTime.UtcNow < known.Due)
            return known.Token;
        var now = DateTime.UtcNow;
        var issued = await objects.TokenAsync(pod, key.Item1, key.Item2);
        // With a fifth of its time left.
        var use = ((issued.ExpirationTimestamp ?? now) - now) * 0.8;
        var token = Encoding.ASCII.GetBytes(issued.Token);
        _tokens[key] = (token, now + (use < LongestUse ? use : LongestUse));
        return token;
    }
}
