using System.Net;
using System.Net.Sockets;
using System.Text;
using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.EndToEnd.Tests;

/// <summary>What must hold in either mode when the agent of node-1 is killed -9, at whatever moment.</summary>
internal static class KilledAgent
{
    /// <summary>After a change was made, in milliseconds: before the agent has heard of it, while it may be writing, and later. Arbitrary.</summary>
    private static readonly int[] Moments = [0, 5, 30];

    /// <summary>
    /// A connection that was open stays, what was changed just before or damaged while nobody looked is right soon, and in the end the
    /// rules are those of before.
    /// </summary>
    /// <param name="service">What to connect to.</param>
    /// <param name="damage">A program, and its arguments, that takes away something that the connections don't need.</param>
    /// <param name="rules">Of node-1, without what they count.</param>
    /// <returns>The new connections of the whole time that failed.</returns>
    internal static async Task<IReadOnlyList<string>> AssertNothingBreaksAsync(LocalCluster cluster, string service, IPEndPoint address, string[] damage, Func<string> rules)
    {
        using var node = cluster.Paths.OpenNode("node-1");
        using var kept = node.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 5000 });
        kept.Connect(address);
        Assert.StartsWith("HTTP/1.1 200 ", Ask(kept), StringComparison.Ordinal);
        var before = rules();
        await using var load = SteadyLoad.Start(node, $"{address}");

        foreach (var moment in Moments)
        {
            cluster.Kubectl("expose", "service", service, "--name=meanwhile", "--port=80");
            try
            {
                await Task.Delay(moment);
                Kill(cluster);
                node.Run(() => Testing.Tool.Run(damage[0], damage[1..]));
                var added = IPEndPoint.Parse(cluster.Kubectl("get", "service", "meanwhile", "-o", "jsonpath={.spec.clusterIP}") + ":80");
                Poll.Until(() => Requests.Send(node, added, 1, "/").Failed == 0, () => "a Service that came before the agent was killed does not work");
                Assert.StartsWith("HTTP/1.1 200 ", Ask(kept), StringComparison.Ordinal);
            }
            finally
            {
                cluster.Kubectl("delete", "service", "meanwhile");
            }
            Poll.Until(() => rules() == before, () => $"the rules were\n{before}\nand are\n{rules()}");
        }

        load.Go();
        var failures = await load.EndAsync();
        Assert.StartsWith("HTTP/1.1 200 ", Ask(kept), StringComparison.Ordinal);
        return failures;
    }

    /// <summary>Until another one has started.</summary>
    private static void Kill(LocalCluster cluster)
    {
        var agent = cluster.Agent("node-1");
        Signals.Send(agent, Signals.Kill);
        Poll.Until(() => cluster.Agent("node-1") is not 0 and var now && now != agent, () => "the agent was not started again");
    }

    private static string Ask(Socket connection)
    {
        connection.Send("GET / HTTP/1.1\r\nHost: web\r\n\r\n"u8);
        var buffer = new byte[8192];
        return Encoding.ASCII.GetString(buffer, 0, connection.Receive(buffer));
    }
}
