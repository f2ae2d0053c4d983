using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Podnet.Local.ApiServer;

/// <summary>Tells by a request's bearer token whom it is from.</summary>
/// <param name="token">The administrator's.</param>
internal sealed class Authenticator(string token, ServiceAccountTokens accounts)
{
    private readonly byte[] _token = Encoding.UTF8.GetBytes(token);

    /// <exception cref="StatusException">Nobody's that is known: 401.</exception>
    public UserInfo Require(HttpRequest request)
    {
        const string scheme = "Bearer ";
        var header = request.Headers.Authorization.ToString();
        var known = header.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) ? Find(header[scheme.Length..].Trim(), ServiceAccountTokens.Audiences) : null;
        return known?.User ?? throw StatusException.Unauthorized();
    }

    /// <summary>Null where the token is not, or not any more, or not for one of these audiences, anybody's.</summary>
    public (UserInfo User, IReadOnlyList<string> Audiences)? Find(string bearer, IReadOnlyList<string> audiences) =>
        CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(bearer), _token)
            ? (UserInfo.Administrator, audiences)
            : accounts.Find(bearer, audiences);
}
