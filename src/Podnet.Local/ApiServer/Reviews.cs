using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

/// <summary>What a client may ask about itself and others. Whoever is known may do everything: a local cluster is one person's.</summary>
/// <param name="user">Who asks.</param>
internal sealed class Reviews(UserInfo user, Authenticator authenticator)
{
    private static JsonArray Everything => new("*");

    /// <summary><c>kubectl auth can-i VERB RESOURCE</c>, and the same of somebody else.</summary>
    public JsonObject Access(JsonObject review)
    {
        review["status"] = new JsonObject { ["allowed"] = true };
        return review;
    }

    /// <summary><c>kubectl auth can-i --list</c>.</summary>
    public JsonObject Rules(JsonObject review)
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
    public JsonObject WhoAmI(JsonObject review)
    {
        review["status"] = new JsonObject { ["userInfo"] = user.ToJson() };
        return review;
    }

    /// <summary>A server in the cluster asks whose a token is that somebody showed it.</summary>
    public JsonObject Token(JsonObject review)
    {
        string[] audiences = [.. review["spec"].Texts("audiences")];
        var status = new JsonObject { ["authenticated"] = false };
        if (authenticator.Find(review.Text("spec", "token") ?? "", audiences.Length > 0 ? audiences : ServiceAccountTokens.Audiences) is { } found)
        {
            status["authenticated"] = true;
            status["user"] = found.User.ToJson();
            status["audiences"] = new JsonArray([.. found.Audiences.Select(audience => (JsonNode)audience)]);
        }
        else
        {
            status["error"] = "the token is not, or not any more, one of this cluster for these audiences";
        }

        review["status"] = status;
        return review;
    }
}
