using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Podnet.Core.Model;

namespace Podnet.Local.ApiServer;

/// <summary>Knows what pods have to know of their service accounts.</summary>
internal sealed class ServiceAccountRules : ResourceRules
{
    /// <summary>Whether their pods get a token.</summary>
    private readonly ConcurrentDictionary<ObjectName, bool> _mounts = new();

    public override void Recorded(JsonObject? before, JsonObject? now)
    {
        if (before is not null && now is null)
            _mounts.TryRemove(NameOf(before), out _);
        if (now is not null)
            _mounts[NameOf(now)] = now["automountServiceAccountToken"]?.GetValue<bool>() ?? true;
    }

    /// <summary>Null where there is no such account.</summary>
    public bool? Mounts(ObjectName account) => _mounts.TryGetValue(account, out var mounts) ? mounts : null;

    private static ObjectName NameOf(JsonObject account) => new(account.Text("metadata", "namespace") ?? "", account.Text("metadata", "name") ?? "");
}
