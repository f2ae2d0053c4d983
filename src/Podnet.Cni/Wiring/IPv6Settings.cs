using Podnet.Linux;

namespace Podnet.Cni.Wiring;

/// <summary>What IPv6 does by itself on a link (Documentation/networking/ip-sysctl.rst), and should not on one between a pod and its node.</summary>
internal static class IPv6Settings
{
    private static readonly string[] Unwanted =
    [
        // A node that forwards no IPv6 would take a default route, and so all its traffic, from any pod that advertises itself as
        // a router, and a pod from anything on the node.
        "accept_ra",
        // There are two ends on this link, and neither can have the other's address. It makes a link-local address wait a second.
        "accept_dad",
    ];

    /// <summary>For an interface of the calling thread's namespace, before its link carries.</summary>
    public static void TurnOff(string link)
    {
        foreach (var setting in Unwanted)
            Sysctl.TrySet($"net.ipv6.conf.{link}.{setting}", "0"u8); // not there on a kernel without IPv6
    }

    /// <summary>IPv6 itself, where the namespace's defaults have none: a runtime's sandboxes, a hardened node. An address of that family asks for it.</summary>
    public static void TurnOn(string link) => Sysctl.TryEnsure($"net.ipv6.conf.{link}.disable_ipv6", "0"u8);
}
