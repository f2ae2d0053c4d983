using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.Cni.Tests;

/// <summary>A node that forwards, has addresses of its own on lo, and whose pods this plugin connects.</summary>
internal sealed class TestNode : IDisposable
{
    public static readonly IPAddress IPv4 = IPAddress.Parse("192.0.2.1");
    public static readonly IPAddress IPv6 = IPAddress.Parse("2001:db8::1");

    public TestNode()
    {
        Kernel.Run("ip", "address", "add", $"{IPv4}/32", "dev", "lo");
        Kernel.Run("ip", "address", "add", $"{IPv6}/128", "dev", "lo", "nodad");
        Kernel.In(() =>
        {
            Sysctl.Ensure("net.ipv4.ip_forward", "1");
            Sysctl.Ensure("net.ipv6.conf.all.forwarding", "1");
        });
    }

    public Kernel Kernel { get; } = new();

    public TestFolder Folder { get; } = new();

    /// <summary>Everything that ADD could leave behind on the node, as ip shows it.</summary>
    public string Show() => ShowNamespace(Kernel.Namespace);

    public static string ShowNamespace(NetworkNamespace @namespace) => @namespace.Run(() => string.Concat(
        string.Join(' ', JsonNode.Parse(Tool.Run("ip", "-json", "link"))!.AsArray().Select(link => link!["ifname"])), // states settle later
        Tool.Run("ip", "-oneline", "address", "show", "scope", "global"),
        Tool.Run("ip", "route"),
        Tool.Run("ip", "-6", "route", "show", "proto", "80"), // link-local ones come when the kernel has had the time
        Tool.Run("ip", "-6", "route", "show", "default"),
        Tool.Run("ip", "neighbour", "show", "nud", "permanent")));

    public JsonNode Succeed(Call call) => Kernel.In(call.Succeed);

    public JsonNode Json(params string[] arguments) => JsonNode.Parse(Kernel.Run("ip", ["-json", "-details", .. arguments]))!;

    public void Dispose()
    {
        Kernel.Dispose();
        Folder.Dispose();
    }
}

/// <summary>The network namespace of a pod, without a process in it.</summary>
internal sealed class TestPod : IDisposable
{
    public NetworkNamespace Namespace { get; } = NetworkNamespace.CreateAnonymous();

    /// <summary>Good for other processes too.</summary>
    public string Path => $"/proc/{Environment.ProcessId}/fd/{Namespace.Descriptor}";

    public string Run(string program, params string[] arguments) => Namespace.Run(() => Tool.Run(program, arguments));

    public JsonNode Json(params string[] arguments) => JsonNode.Parse(Run("ip", ["-json", "-details", .. arguments]))!;

    public void Dispose() => Namespace.Dispose();
}

/// <summary>Real TCP between two namespaces.</summary>
internal static class Tcp
{
    /// <summary>Who the server sees as its client.</summary>
    /// <param name="address">The server's, where it listens on port 8080.</param>
    /// <param name="target">Where the client connects to, if that is something else.</param>
    public static IPAddress SourceSeen(NetworkNamespace client, NetworkNamespace server, IPAddress address, IPEndPoint? target = null)
    {
        target ??= new IPEndPoint(address, 8080);
        using var listener = server.Run(() =>
        {
            var made = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            made.BindAgain(new IPEndPoint(address, 8080));
            made.Listen();
            return made;
        });
        using var connection = client.Run(() =>
        {
            var made = new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            if (!made.ConnectAsync(target).Wait(TimeSpan.FromSeconds(10)))
                throw new TimeoutException($"no connection to {target} within 10 s");
            return made;
        });
        using var accepted = listener.Accept();
        return ((IPEndPoint)accepted.RemoteEndPoint!).Address;
    }
}
