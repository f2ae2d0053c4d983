using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Podnet.Core.Model;
using Podnet.Dataplane.Nftables;
using Podnet.Testing;

namespace Podnet.Bench;

/// <summary>
/// New TCP connections a second from one pod to another of the same node, through a cluster IP and directly, in turn: the median, over
/// rounds of a second, of the ratio of both.
/// </summary>
internal static class Connections
{
    /// <returns>Through our table / directly; through a chain per Service / directly; and directly, connections a second.</returns>
    public static double[] Run(int services, int endpoints, int rounds)
    {
        var state = Cluster.State(services, endpoints);
        using var ours = new Pair(kernel => kernel.In(() =>
        {
            using var ruleset = new Ruleset();
            new ServiceTableDriver(IPFamily.V4, ruleset).Apply(Cluster.Table(state));
        }));
        using var theirs = new Pair(kernel => ChainPerService.Load(kernel, state));
        var (service, pod) = (new IPEndPoint(Cluster.ServiceIP(0), Cluster.Port), new IPEndPoint(Cluster.PodIP(0), Cluster.TargetPort));
        var (our, their, direct) = (new List<double>(), new List<double>(), new List<double>());
        for (var round = -1; round < rounds; round++)
        {
            var (plain, through) = (ours.Connect(pod), ours.Connect(service));
            var (theirPlain, theirThrough) = (theirs.Connect(pod), theirs.Connect(service));
            if (round < 0)
                continue; // Everything is cold.
            direct.Add(plain);
            our.Add(through / plain);
            their.Add(theirThrough / theirPlain);
        }
        return [Median(our), Median(their), Median(direct)];
    }

    private static double Median(List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }

    /// <summary>A node with rules, a client pod and a pod that is every endpoint of the first Service.</summary>
    private sealed class Pair : IDisposable
    {
        private const string Client = "10.241.0.1";
        private readonly Kernel _node = new();
        private readonly Kernel _client = new();
        private readonly Kernel _server = new();
        private readonly Socket _listener;

        public Pair(Action<Kernel> program)
        {
            _node.In(() =>
            {
                File.WriteAllText("/proc/sys/net/ipv4/ip_forward", "1");
                // So that connections which are over do not fill the table.
                File.WriteAllText("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close", "1");
            });
            Wire(_client, "pn1", [Client]);
            Wire(_server, "pn2", [.. Enumerable.Range(0, 5).Select(pod => Cluster.PodIP(pod).ToString())]);
            program(_node);
            _client.In(() => File.WriteAllText("/proc/sys/net/ipv4/ip_local_port_range", "1024 65000"));
            _listener = _server.In(() =>
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                socket.Bind(new IPEndPoint(IPAddress.Any, Cluster.TargetPort));
                socket.Listen(1000);
                return socket;
            });
            new Thread(Accept) { IsBackground = true }.Start();
        }

        /// <returns>Connections a second, in a second.</returns>
        public double Connect(IPEndPoint to) => _client.In(() =>
        {
            var (count, began) = (0, Stopwatch.GetTimestamp());
            while (Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(1))
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                socket.LingerState = new LingerOption(true, 0); // No TIME_WAIT: the port is free again.
                socket.Connect(to);
                count++;
            }
            return count / Stopwatch.GetElapsedTime(began).TotalSeconds;
        });

        public void Dispose()
        {
            _listener.Dispose();
            foreach (var kernel in (Kernel[])[_node, _client, _server])
                kernel.Dispose();
        }

        private void Accept()
        {
            try
            {
                while (true)
                    _listener.Accept().Dispose();
            }
            catch (SocketException)
            {
                // Disposed: the measurement is over.
            }
            catch (ObjectDisposedException)
            {
                // Likewise.
            }
        }

        private void Wire(Kernel pod, string link, string[] addresses)
        {
            _node.Run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", pod.Namespace.Path.StartsWith("/proc", StringComparison.Ordinal) ? $"/proc/{Environment.ProcessId}/fd/{pod.Namespace.Descriptor}" : pod.Namespace.Path);
            _node.Run("ip", "link", "set", link, "up");
            _node.Run("ip", "address", "add", "169.254.1.1/32", "dev", link);
            pod.Run("ip", "link", "set", "eth0", "up");
            foreach (var address in addresses)
            {
                pod.Run("ip", "address", "add", $"{address}/32", "dev", "eth0");
                _node.Run("ip", "route", "add", $"{address}/32", "dev", link);
            }
            pod.Run("ip", "route", "add", "169.254.1.1", "dev", "eth0");
            pod.Run("ip", "route", "add", "default", "via", "169.254.1.1", "dev", "eth0", "src", addresses[0]);
        }
    }
}
