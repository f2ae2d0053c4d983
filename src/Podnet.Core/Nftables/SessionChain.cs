using System.Globalization;

namespace Podnet.Core.Nftables;

/// <summary>
/// Remembers which endpoint a client was translated to. It is a chain for each timeout, not for each Service: the maps say whose it is.
/// </summary>
/// <remarks>
/// It runs after the translation, when the endpoint is known as the packet's own destination and the address that the client asked for is
/// known to conntrack. In the nat chain itself the endpoint is in a register only; nft 1.0.6 aborts when it is to show a rule that writes a
/// map's answer into a map.
/// </remarks>
internal static class SessionChain
{
    internal static string NameOf(TimeSpan timeout) => string.Create(CultureInfo.InvariantCulture, $"remember-{(long)timeout.TotalSeconds}s");

    internal static TableChain Rules(TimeSpan timeout) => new(NameOf(timeout), [new([new Remember(timeout)])]);
}
