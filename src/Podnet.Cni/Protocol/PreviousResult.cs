using System.Net;

namespace Podnet.Cni.Protocol;

/// <summary>What of prevResult CHECK holds the kernel against: the interface in the pod as the whole chain left it.</summary>
/// <param name="Mac">Null where no plugin gave one.</param>
/// <param name="Addresses">Those of the interface.</param>
/// <param name="Gateways">Next hops of default routes.</param>
internal sealed record PreviousResult(string? Mac, IReadOnlyList<IPAddress> Addresses, IReadOnlyList<IPAddress> Gateways)
{
    public static PreviousResult Read(NetworkConfig config, Request request)
    {
        var result = config.PreviousResult ?? throw new CniException(
            CniErrorCode.InvalidConfig, "prevResult is missing from the network configuration", "CHECK needs the result of ADD");
        var interfaces = result.Get("interfaces").Items().ToList();
        var index = interfaces.FindIndex(
            item => item.Get("name").AsString() == request.InterfaceName && item.Find("sandbox")?.AsString() is { Length: > 0 });
        if (index < 0)
            throw new CniException(
                CniErrorCode.InvalidConfig, $"prevResult has no interface {request.InterfaceName} in a sandbox", "was it another plugin's ADD?");
        return new PreviousResult(
            interfaces[index].Find("mac")?.AsString(),
            (result.Find("ips")?.Items() ?? [])
                .Where(ip => ip.Find("interface")?.AsInteger(0, interfaces.Count - 1) == index)
                .Select(ip => ip.Get("address").AsAddress())
                .ToList(),
            (result.Find("routes")?.Items() ?? [])
                .Where(route => route.Get("dst").AsString() is "0.0.0.0/0" or "::/0" && route.Find("gw") is not null)
                .Select(route => route.Get("gw").AsAddress())
                .ToList());
    }
}
