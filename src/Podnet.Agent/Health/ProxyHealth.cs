using System.Buffers;
using System.Text;
using System.Text.Json;
using Podnet.Core.Model;

namespace Podnet.Agent.Health;

/// <summary>
/// Whether Services are kept as the cluster wants them, by kube-proxy's rule (pkg/proxy/healthcheck/proxy_health.go): not, where
/// something has waited to be written for too long. From any thread.
/// </summary>
/// <param name="timeout">How long is too long: kube-proxy takes twice the sync period.</param>
internal sealed class ProxyHealth(TimeSpan timeout, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<IPFamily, DateTimeOffset> _updated = [];
    private readonly Dictionary<IPFamily, DateTimeOffset> _waiting = [];
    private bool _eligible = true;

    public bool IsHealthy
    {
        get
        {
            lock (_gate)
                return _updated.Keys.All(IsInTime);
        }
    }

    /// <summary>There is something new to write.</summary>
    public void Queued()
    {
        lock (_gate)
        {
            _waiting.TryAdd(IPFamily.V4, time.GetUtcNow());
            _waiting.TryAdd(IPFamily.V6, time.GetUtcNow());
        }
    }

    /// <summary>All there was for this family is written.</summary>
    public void Updated(IPFamily family)
    {
        lock (_gate)
        {
            _waiting.Remove(family);
            _updated[family] = time.GetUtcNow();
        }
    }

    /// <param name="eligible">This node is there, and nobody is about to take it away.</param>
    public void NodeIs(bool eligible)
    {
        lock (_gate)
            _eligible = eligible;
    }

    /// <summary>For load balancers: this node takes traffic.</summary>
    public HttpAnswer Healthz()
    {
        lock (_gate)
            return Answer(_updated.Keys.All(IsInTime), _eligible);
    }

    /// <summary>For the kubelet: a node that leaves is no reason to start the agent again.</summary>
    public HttpAnswer Livez()
    {
        lock (_gate)
            return Answer(_updated.Keys.All(IsInTime), eligible: null);
    }

    /// <summary>Also while it starts, when nothing was written yet.</summary>
    private bool IsInTime(IPFamily family) =>
        !_waiting.TryGetValue(family, out var since) || time.GetUtcNow() - since < timeout;

    private HttpAnswer Answer(bool healthy, bool? eligible)
    {
        var ok = healthy && eligible != false;
        var now = time.GetUtcNow();
        var json = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartObject();
            // While all is well, "now" is what it always was, since older kube-proxies said when they last looked.
            writer.WriteString("lastUpdated", ok || _updated.Count == 0 ? now : _updated.Values.Max());
            writer.WriteString("currentTime", now);
            if (eligible is { } known)
                writer.WriteBoolean("nodeEligible", known);
            writer.WriteBoolean("healthy", healthy);
            writer.WriteStartObject("status");
            foreach (var (family, updated) in _updated)
            {
                writer.WriteStartObject(family.Name());
                writer.WriteString("lastUpdated", updated);
                writer.WriteBoolean("healthy", IsInTime(family));
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        return new HttpAnswer(ok ? 200 : 503, HttpAnswer.Json, Encoding.UTF8.GetString(json.WrittenSpan));
    }
}
