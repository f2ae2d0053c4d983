using System.Net;
using System.Net.Sockets;
using System.Text;
using Podnet.Linux;

namespace Podnet.EndToEnd.Tests;

/// <summary>HTTP requests out of a namespace, each over a connection of its own.</summary>
internal static class Requests
{
    /// <summary>How many of them failed, and the first failure.</summary>
    internal static (int Failed, string? First) Send(NetworkNamespace from, IPEndPoint to, int count, string path) => from.Run(() =>
    {
        var failed = 0;
        string? first = null;
        var request = Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: nginx\r\nConnection: close\r\n\r\n");
        for (var i = 0; i < count; i++)
        {
            try
            {
                using var socket = new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 5000, SendTimeout = 5000 };
                socket.Connect(to);
                socket.Send(request);
                var answer = ReadAll(socket);
                if (!answer.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal))
                    throw new IOException($"the answer begins \"{answer[..Math.Min(20, answer.Length)]}\"");
            }
            catch (Exception e) when (e is SocketException or IOException)
            {
                failed++;
                first ??= e.Message;
            }
        }

        return (failed, first);
    });

    private static string ReadAll(Socket socket)
    {
        var buffer = new byte[8192];
        var text = new StringBuilder();
        int length;
        while ((length = socket.Receive(buffer)) > 0)
            text.Append(Encoding.ASCII.GetString(buffer, 0, length));
        return text.ToString();
    }
}
