using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Podnet.Agent.Config;

namespace Podnet.Agent.Health;

/// <summary>kube-proxy's two servers: health for load balancers and the kubelet, and what the agent says of itself for the machine's own eyes.</summary>
internal sealed class StatusPages(AgentOptions options, AgentStatus status, ILogger logger)
{
    /// <summary>Between two tries to get an address that is taken, as kube-proxy's.</summary>
    private static readonly TimeSpan RetryPeriod = TimeSpan.FromSeconds(5);

    /// <summary>Until cancelled.</summary>
    /// <exception cref="IOException">An address cannot be had, and the agent was told that this is the end.</exception>
    public Task RunAsync(CancellationToken ct) => Task.WhenAll(
        ServeAsync(options.HealthzAddress, Health, ct),
        ServeAsync(options.MetricsAddress, Self, ct));

    internal HttpAnswer Health(string path)
    {
        switch (path)
        {
            case "/healthz":
                var healthz = status.Health.Healthz();
                status.Metrics.Healthz(healthz.Status);
                return healthz;
            case "/livez":
                var livez = status.Health.Livez();
                status.Metrics.Livez(livez.Status);
                return livez;
            default:
                return HttpAnswer.NotFound;
        }
    }

    internal HttpAnswer Self(string path) => path switch
    {
        "/metrics" => new HttpAnswer(200, "text/plain; version=0.0.4; charset=utf-8", status.Metrics.Print().Concat(status.Metrics.Connections.Print())),
        "/healthz" => new HttpAnswer(200, HttpAnswer.PlainText, "ok"),
        "/proxyMode" => new HttpAnswer(200, HttpAnswer.PlainText, options.ProxyMode == ProxyMode.Iptables ? "iptables" : "nftables"),
        "/configz" => new HttpAnswer(200, HttpAnswer.Json, AgentConfigurationText.Configz(options)),
        _ => HttpAnswer.NotFound,
    };

    private async Task ServeAsync(IPEndPoint? address, Func<string, HttpAnswer> answer, CancellationToken ct)
    {
        if (address is null)
            return;
        var said = false;
        while (true)
        {
            try
            {
                using var responder = HttpResponder.Open(address, answer, logger);
                logger.Listening(responder.Address);
                await Task.Delay(Timeout.Infinite, ct);
            }
            catch (SocketException e) when (options.BindAddressHardFail)
            {
                throw new IOException($"cannot listen at {address}: {e.Message}", e);
            }
            catch (SocketException e)
            {
                if (!said)
                    logger.CannotListen(address, e.Message);
                said = true;
            }

            await Task.Delay(RetryPeriod, ct);
        }
    }
}
