using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

/// <summary>Whom a request is from (authentication.k8s.io/v1 UserInfo).</summary>
/// <param name="Uid">Empty for whom has none.</param>
internal sealed record UserInfo(string Name, string Uid, IReadOnlyList<string> Groups, IReadOnlyDictionary<string, string> Extra)
{
    /// <summary>Whoever has the cluster's kubeconfig.</summary>
    public static readonly UserInfo Administrator = new("kubernetes-admin", "", ["system:masters", "system:authenticated"], ObjectJson.EmptyMap);

    public JsonObject ToJson()
    {
        var user = new JsonObject { ["username"] = Name };
        if (Uid.Length > 0)
            user["uid"] = Uid;
        user["groups"] = new JsonArray([.. Groups.Select(group => (JsonNode)group)]);
        if (Extra.Count > 0)
            user["extra"] = new JsonObject(Extra.Select(e => KeyValuePair.Create(e.Key, (JsonNode?)new JsonArray(e.Value))));
        return user;
    }
}
