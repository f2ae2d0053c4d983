using System.Collections.Immutable;
using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using Podnet.Agent;
using Podnet.Agent.Health;
using Podnet.Core.Dns;
using Podnet.Dns;
using Podnet.Kubernetes;

namespace Podnet.Cli.Commands;

/// <summary>A cluster's DNS server, until it is stopped.</summary>
internal static class DnsCommand
{
    internal static Command Create()
    {
        var kubeconfig = new Option<string?>("--kubeconfig") { Description = "How to reach the API server. Without it: as a pod of the cluster, by its service account." };
        var domain = new Option<string>("--cluster-domain") { Description = "What all names of the cluster end in.", DefaultValueFactory = _ => DnsOptions.DefaultDomain };
        var listen = new Option<string[]>("--listen")
        {
            Description = "Where it answers, UDP and TCP: addresses with or without a port, separated by commas.",
            DefaultValueFactory = _ => ["0.0.0.0:53"],
        };
        var forward = new Option<string[]>("--forward")
        {
            Description = "Whom to ask for other names: servers, with or without a port, or a file like /etc/resolv.conf. Without it: there are no others.",
        };
        var status = new Option<string?>("--status-address") { Description = "Where /health, /ready and /metrics are, as 0.0.0.0:9153. Without it: nowhere." };
        var command = new Command("dns", "Run a cluster's DNS server.") { kubeconfig, domain, listen, forward, status };
        command.SetAction(async (parsed, cancel) =>
        {
            var options = new DnsOptions { Domain = Domain(parsed.GetValue(domain)!), Upstreams = Upstreams(parsed.GetValue(forward) ?? []) };
            var addresses = Split(parsed.GetValue(listen)!).Select(text => EndPoint("--listen", text)).ToList();
            var statusAddress = parsed.GetValue(status) is { } given ? EndPoint("--status-address", given) : null;
            await RunAsync(parsed.GetValue(kubeconfig), options, addresses, statusAddress, cancel);
            return 0;
        });
        return command;
    }

    private static async Task RunAsync(string? kubeconfig, DnsOptions options, List<IPEndPoint> addresses, IPEndPoint? statusAddress, CancellationToken cancel)
    {
        var logger = new LineLogger(Console.Out);
        try
        {
            using var client = kubeconfig is null ? ApiClient.InCluster() : ApiClient.FromKubeconfig(kubeconfig);
            var server = new DnsServer(options, client, logger);
            using var pages = statusAddress is null ? null : HttpResponder.Open(statusAddress, path => Page(server, path), logger);
            var running = server.RunAsync([.. addresses.Select(DnsListener.Open)], cancel);
            await Task.WhenAny(running, server.Synced);
            // Reading everything leaves far more behind than all that comes after it.
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            await running;
        }
        catch (KubeconfigException e)
        {
            throw new UserError(e.Message, exitCode: 2);
        }
        catch (SocketException e)
        {
            throw new UserError($"--status-address {statusAddress}: {e.Message}");
        }
    }

    private static HttpAnswer Page(DnsServer server, string path) => path switch
    {
        "/health" => new HttpAnswer(200, HttpAnswer.PlainText, "OK"),
        "/ready" => server.IsSynced ? new HttpAnswer(200, HttpAnswer.PlainText, "OK") : new HttpAnswer(503, HttpAnswer.PlainText, "the API server was not read yet\n"),
        "/metrics" => new HttpAnswer(200, "text/plain; version=0.0.4; charset=utf-8", server.Metrics()),
        _ => HttpAnswer.NotFound,
    };

    private static DnsName Domain(string text)
    {
        var name = DnsName.TryParse(text) ?? throw new UserError($"--cluster-domain: \"{text}\" is no domain name", exitCode: 2);
        return name.Wire.Length is > 1 and <= Zone.LongestDomain
            ? name
            : throw new UserError($"--cluster-domain: \"{text}\" leaves no room for the names of Services: use up to {Zone.LongestDomain - 2} characters", exitCode: 2);
    }

    private static ImmutableArray<IPEndPoint> Upstreams(string[] given)
    {
        if (Split(given).ToArray() is not [var file] || !file.StartsWith('/'))
            return [.. Split(given).Select(text => EndPoint("--forward", text))];
        var servers = DnsOptions.NameserversOf(File.ReadAllText(file));
        return servers.IsEmpty ? throw new UserError($"--forward {file}: it names no nameserver", exitCode: 2) : servers;
    }

    private static IEnumerable<string> Split(string[] given) => given.SelectMany(list => list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));

    /// <summary>"10.0.0.1", "10.0.0.1:53", "fd00::1" or "[fd00::1]:53".</summary>
    private static IPEndPoint EndPoint(string option, string text)
    {
        if (IPAddress.TryParse(text, out var address))
            return new IPEndPoint(address, DnsOptions.Port);
        return IPEndPoint.TryParse(text, out var endpoint) && endpoint.Port != 0
            ? endpoint
            : throw new UserError($"{option}: \"{text}\" is no address: write it as 10.0.0.1, 10.0.0.1:53 or [fd00::1]:53", exitCode: 2);
    }
}
