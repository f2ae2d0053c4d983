using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Podnet.Core.Model;

namespace Podnet.Local.ApiServer;

/// <summary>What a token is bound to beside its service account: it ends with it.</summary>
/// <param name="Kind">Pod or Secret.</param>
internal sealed record BoundObject(string Kind, string Name, string Uid);

/// <summary>
/// Tokens of service accounts: JSON Web Tokens (RFC 7519) with an ES256 signature (RFC 7518, 3.4) and the claims of Kubernetes
/// (pkg/serviceaccount/claims.go). They are not kept anywhere: what makes one good is the signature, its time, and that the account and
/// what it is bound to are still there.
/// </summary>
internal sealed class ServiceAccountTokens
{
    /// <summary>As kubeadm configures it.</summary>
    public const string Issuer = "https://kubernetes.default.svc.cluster.local";

    /// <summary>Of this API server, and of tokens that are not asked for with others.</summary>
    public static readonly IReadOnlyList<string> Audiences = [Issuer];

    private const string Private = "kubernetes.io";

    private readonly ECDsa _key;
    private readonly string _header;
    private readonly ResourceTable _table;
    private readonly ObjectStore _store;
    private readonly TimeProvider _time;

    /// <param name="key">On the curve P-256.</param>
    public ServiceAccountTokens(ECDsa key, ResourceTable table, ObjectStore store, TimeProvider time)
    {
        (_key, _table, _store, _time) = (key, table, store, time);
        var id = Base64Url.EncodeToString(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));
        _header = Encode(new JsonObject { ["alg"] = "ES256", ["kid"] = id });
    }

    /// <summary>A token, and when it ends.</summary>
    public (string Token, DateTimeOffset Expires) Issue(
        ObjectName account, string uid, IReadOnlyList<string> audiences, TimeSpan lifetime, BoundObject? bound)
    {
        var now = _time.GetUtcNow();
        var about = new JsonObject
        {
            ["namespace"] = account.Namespace,
            ["serviceaccount"] = new JsonObject { ["name"] = account.Name, ["uid"] = uid },
        };
        if (bound is not null)
            about[bound.Kind.ToLowerInvariant()] = new JsonObject { ["name"] = bound.Name, ["uid"] = bound.Uid };
        var expires = DateTimeOffset.FromUnixTimeSeconds((now + lifetime).ToUnixTimeSeconds());
        var claims = new JsonObject
        {
            ["aud"] = new JsonArray([.. audiences.Select(audience => (JsonNode)audience)]),
            ["exp"] = expires.ToUnixTimeSeconds(),
            ["iat"] = now.ToUnixTimeSeconds(),
            ["iss"] = Issuer,
            ["jti"] = Guid.NewGuid().ToString(),
            [Private] = about,
            ["nbf"] = now.ToUnixTimeSeconds(),
            ["sub"] = UserName(account),
        };
        var signed = $"{_header}.{Encode(claims)}";
        return ($"{signed}.{Base64Url.EncodeToString(Sign(signed))}", expires);
    }

    /// <summary>Whose it is, and which of the audiences it is for; null where it is not good, for whatever reason.</summary>
    public (UserInfo User, IReadOnlyList<string> Audiences)? Find(string token, IReadOnlyList<string> audiences)
    {
        // All of ours have the same header: what another one would ask for ("alg": "none") is never looked at.
        if (!token.StartsWith(_header + '.', StringComparison.Ordinal) || token.LastIndexOf('.') is var end && end <= _header.Length || !IsSigned(token, end))
            return null;
        var claims = ObjectJson.Parse(Base64Url.DecodeFromChars(token.AsSpan(_header.Length + 1, end - _header.Length - 1)));
        var now = _time.GetUtcNow().ToUnixTimeSeconds();
        var common = claims.Texts("aud").Intersect(audiences, StringComparer.Ordinal).ToArray();
        if (common.Length == 0 || claims.Number("nbf") > now || claims.Number("exp") <= now)
            return null;
        var @namespace = claims.Text(Private, "namespace")!;
        var account = claims[Private]!["serviceaccount"];
        if (!IsThere("serviceaccounts", @namespace, account) || !IsThere("pods", @namespace, claims[Private]!["pod"]) || !IsThere("secrets", @namespace, claims[Private]!["secret"]))
            return null;
        return (User(@namespace, account, claims), common);
    }

    private static string UserName(ObjectName account) => $"system:serviceaccount:{account.Namespace}:{account.Name}";

    private static UserInfo User(string @namespace, JsonNode? account, JsonObject claims)
    {
        var extra = new Dictionary<string, string>(StringComparer.Ordinal) { ["authentication.kubernetes.io/credential-id"] = $"JTI={claims.Text("jti")}" };
        if (claims.At(Private, "pod") is { } pod)
        {
            extra["authentication.kubernetes.io/pod-name"] = pod.Text("name")!;
            extra["authentication.kubernetes.io/pod-uid"] = pod.Text("uid")!;
        }

        return new UserInfo(
            UserName(new ObjectName(@namespace, account.Text("name")!)), account.Text("uid")!,
            ["system:serviceaccounts", $"system:serviceaccounts:{@namespace}", "system:authenticated"], extra);
    }

    /// <summary>True also where the token says nothing of such an object.</summary>
    private bool IsThere(string plural, string @namespace, JsonNode? claimed) =>
        claimed is null || _store.Get(_table.Find("", "v1", plural)!, new ObjectName(@namespace, claimed.Text("name")!))?.Uid == claimed.Text("uid");

    private byte[] Sign(string text)
    {
        lock (_key)
            return _key.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
    }

    /// <param name="end">Of what is signed.</param>
    private bool IsSigned(string token, int end)
    {
        var text = token.AsSpan(end + 1);
        if (!Base64Url.IsValid(text))
            return false;
        var signature = Base64Url.DecodeFromChars(text);
        lock (_key)
            return _key.VerifyData(Encoding.UTF8.GetBytes(token[..end]), signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
    }

    private static string Encode(JsonObject part) => Base64Url.EncodeToString(ObjectJson.ToUtf8(part));
}
