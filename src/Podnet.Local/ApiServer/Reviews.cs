using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

/// <summary>What a client may ask about itself. Whoever has the token may do everything, as a cluster's administrator.</summary>
internal static class Reviews
{
    private static JsonArray Everything => new("*");

    private static JsonArray Groups => new("system:masters", "system:authenticated");

    /// <summary><c>kubectl auth can-i VERB RESOURCE</c>.</summary>
    public static JsonObject Access(JsonObject review)
    {
        review["status"] = new JsonObject { ["allowed"] = true };
        return review;
    }

    /// <summary><c>kubectl auth can-i --list</c>.</summary>
    public static JsonObject Rules(JsonObject review)
    {
        review["status"] = new JsonObject
        {
            ["resourceRules"] = new JsonArray(new JsonObject { ["verbs"] = Everything, ["apiGroups"] = Everything, ["resources"] = Everything }),
            ["nonResourceRules"] = new JsonArray(new JsonObject { ["verbs"] = Everything, ["nonResourceURLs"] = Everything }),
            ["incomplete"] = false,
        };
        return review;
    }

    /// <summary><c>kubectl auth whoami</c>.</summary>
    public static JsonObject WhoAmI(JsonObject review)
    {
        review["status"] = new JsonObject { ["userInfo"] = new JsonObject { ["username"] = "kubernetes-admin", ["groups"] = Groups } };
        return review;
    }
}
