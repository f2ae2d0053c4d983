using System.Collections.Concurrent;
using System.Net;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Kubernetes;
using Podnet.Local.Controllers;
using Podnet.Local.Tests.ApiServer;

namespace Podnet.Local.Tests.Controllers;

/// <summary>The real API server and the real controllers; the nodes' kubelets only say that all is well.</summary>
internal sealed class RunningCluster : IAsyncDisposable
{
    /// <summary>No test waits so long unless it fails.</summary>
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly CancellationTokenSource _stop = new();
    private readonly ErrorLog _log = new();
    private readonly ControllerOptions _options;
    private readonly Task _kubelets;
    private CancellationTokenSource _stopControllers = new();
    private Task _controllers;

    private RunningCluster(RunningServer server, ControllerOptions options)
    {
        (Server, _options) = (server, options);
        Client = ApiClient.FromKubeconfig(server.Kubeconfig);
        _kubelets = RunKubeletsAsync(_stop.Token);
        _controllers = RunControllersAsync();
    }

    public RunningServer Server { get; }

    public ApiClient Client { get; }

    /// <param name="kubernetes">With the Service default/kubernetes.</param>
    public static async Task<RunningCluster> StartAsync(string podCidr = "10.240.0.0/16", bool kubernetes = false)
    {
        var server = await RunningServer.StartAsync();
        return new(server, new ControllerOptions([IPNetwork.Parse(podCidr)], server.AuthorityPem)
        {
            Kubernetes = kubernetes ? new KubernetesService(IPAddress.Parse("10.0.0.1"), new IPEndPoint(IPAddress.Loopback, server.Port)) : null,
        });
    }

    public async Task RestartControllersAsync()
    {
        await StopControllersAsync();
        _stopControllers = new CancellationTokenSource();
        _controllers = RunControllersAsync();
    }

    /// <summary>A node that its kubelet calls ready.</summary>
    public async Task AddNodeAsync(string name, params string[] podCidrs)
    {
        var node = Make.Node(name, podCidrs);
        node.Metadata = new V1ObjectMeta { Name = name };
        var created = await Client.CreateAsync(Resources.Nodes, node, default);
        created.Status = Make.Node(name).Status;
        await Client.UpdateStatusAsync(Resources.Nodes, created, default);
    }

    public void Apply(string yaml) => Server.KubectlText("create", "-f", Server.Manifest(yaml));

    public Task<List<V1Pod>> PodsAsync() => Client.ListAsync(Resources.Pods, "default", null, default);

    public async Task<List<string>> ReadyEndpointsAsync(string service) =>
        [.. (await Client.ListAsync(Resources.EndpointSlices, "default", new ListSelectors($"kubernetes.io/service-name={service}"), default))
            .SelectMany(slice => slice.Endpoints ?? []).Where(e => e.Conditions.Ready == true).Select(e => e.Addresses[0]).Order()];

    /// <summary>Asks until it is so.</summary>
    public async Task EventuallyAsync(string what, Func<Task<bool>> holds)
    {
        using var deadline = new CancellationTokenSource(Deadline);
        while (!await holds())
        {
            Assert.False(_kubelets.IsFaulted, $"{_kubelets.Exception}");
            if (deadline.IsCancellationRequested)
                Assert.Fail($"{what}\n{Server.KubectlText("get", "all,nodes,events,endpointslices", "-A", "-o", "wide")}\n{string.Join('\n', _log.Errors)}");
            await Task.Delay(20);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopControllersAsync();
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _kubelets);
        Client.Dispose();
        await Server.DisposeAsync();
        Assert.Empty(_log.Errors);
    }

    private Task RunControllersAsync() =>
        new ControllerManager(Client, _options, _log).RunAsync(_stopControllers.Token);

    private async Task StopControllersAsync()
    {
        await _stopControllers.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _controllers);
    }

    private async Task RunKubeletsAsync(CancellationToken ct)
    {
        var changed = new ConcurrentQueue<V1Pod>();
        var addresses = 0;
        var pods = new Informer<V1Pod>(Client, Resources.Pods, _log)
        {
            Changed = (_, now) =>
            {
                if (now is not null) changed.Enqueue(now);
            },
        };
        var run = pods.RunAsync(ct);
        while (!ct.IsCancellationRequested)
        {
            if (!changed.TryDequeue(out var pod))
            {
                await Task.Delay(1, ct);
                continue;
            }
            if (!pod.IsBound() || await Client.GetAsync(Resources.Nodes, null, pod.Spec.NodeName, ct) is null) continue;
            try
            {
                if (pod.IsTerminating())
                {
                    await Client.DeleteAsync(Resources.Pods, pod.Metadata.NamespaceProperty, pod.Metadata.Name, 0, ct, pod.Metadata.Uid);
                }
                else if (pod.Status?.Phase != "Running" && pod.Spec.Containers[0].Image != "broken")
                {
                    pod.Status ??= new V1PodStatus();
                    pod.At(pod.GetAnnotation("podnet.dev/pod-ip") ?? $"10.250.{++addresses / 250}.{(addresses % 250) + 1}").Ready();
                    pod.Status.StartTime = DateTime.UtcNow;
                    await Client.UpdateStatusAsync(Resources.Pods, pod, ct);
                }
            }
            catch (ApiException e) when (e.IsConflict || e.IsNotFound)
            {
                // The change that made it fail comes by itself.
            }
        }
        await run;
    }

    /// <summary>What controllers did not expect; conflicts are expected.</summary>
    private sealed class ErrorLog : ILoggerFactory, ILogger
    {
        public ConcurrentQueue<string> Errors { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(LogLevel level, EventId id, TState state, Exception? exception, Func<TState, Exception?, string> format)
        {
            if (IsEnabled(level)) Errors.Enqueue($"{format(state, exception)} {exception}");
        }

        public void Dispose()
        {
        }
    }
}
