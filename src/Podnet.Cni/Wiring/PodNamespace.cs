using Podnet.Cni.Protocol;
using Podnet.Linux;
using Podnet.Netlink;

namespace Podnet.Cni.Wiring;

/// <summary>The network namespace that CNI_NETNS names, and a socket in it.</summary>
internal sealed class PodNamespace : IDisposable
{
    private readonly string _interface;

    private PodNamespace(NetworkNamespace handle, RouteSocket socket, string interfaceName)
    {
        Handle = handle;
        Socket = socket;
        _interface = interfaceName;
    }

    public NetworkNamespace Handle { get; }

    public RouteSocket Socket { get; }

    public static PodNamespace Open(Request request)
    {
        NetworkNamespace? handle = null;
        RouteSocket? socket = null;
        try
        {
            handle = NetworkNamespace.Open(request.NetnsPath!);
            var identity = "";
            socket = handle.RunHere(() =>
            {
                identity = Identity();
                return new RouteSocket();
            });
            // A default route to nowhere, in the node's own namespace, would cut the node off.
            if (identity == Identity())
                throw Invalid(request, "is the network namespace of the node itself");
            return new PodNamespace(handle, socket, request.InterfaceName);
        }
        catch (Exception e)
        {
            socket?.Dispose();
            handle?.Dispose();
            if (e is KernelException) // no such file, or no network namespace
                throw Invalid(request, e.Message);
            throw;
        }
    }

    /// <summary>While the interface is still down: what it does when it comes up is then settled.</summary>
    /// <param name="isUsed">Whether the pod has an address of that family.</param>
    public void ConfigureIPv6(bool isUsed) => Handle.RunHere(() =>
    {
        IPv6Settings.TurnOff(_interface);
        if (isUsed)
        {
            IPv6Settings.TurnOn("lo");
            IPv6Settings.TurnOn(_interface);
        }

        return true;
    });

    public void Dispose()
    {
        Socket.Dispose();
        Handle.Dispose();
    }

    private static string Identity() => NetworkNamespace.IdentityOf("/proc/thread-self/ns/net");

    private static CniException Invalid(Request request, string why) =>
        new(CniErrorCode.InvalidEnvironment, "environment variable CNI_NETNS is invalid", $"{CniException.Quote(request.NetnsPath!)}: {why}");
}
