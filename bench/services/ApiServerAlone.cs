using System.Net;
using System.Net.Sockets;
using Podnet.Local.ApiServer;

namespace Podnet.Bench;

/// <summary>The local cluster's API server as a process of its own, with its database, and nobody else who asks it.</summary>
internal static class ApiServerAlone
{
    /// <summary>Serves until standard input ends. Prints its port and token.</summary>
    /// <param name="folder">For the database.</param>
    public static async Task<int> RunAsync(string folder)
    {
        IPNetwork[] services = [IPNetwork.Parse("10.96.0.0/16")];
        using var store = ObjectStore.Open(Path.Combine(folder, "objects.db"), new ResourceTable(services).All);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var (port, token) = (((IPEndPoint)socket.LocalEndPoint!).Port, ApiServerOptions.NewToken());
        using var certificate = ServingCertificate.Create([], DateTimeOffset.UtcNow);
        await using var server = await ApiServerHost.StartAsync(
            new ApiServerOptions { Listeners = [socket], Token = token, Certificate = certificate, ServiceCidrs = services }, store);
        Console.WriteLine($"{port} {token}");
        while (await Console.In.ReadLineAsync() is not null)
        {
        }
        return 0;
    }
}
