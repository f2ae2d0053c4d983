using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Podnet.Kubernetes;
using Podnet.Linux;
using Podnet.Local.Tests.ApiServer;

namespace Podnet.Local.Tests.Kubelet;

/// <summary>The real API server and the kubelet of one node, with what a namespace has of its own; no controllers.</summary>
internal sealed class RunningKubelet : IAsyncDisposable
{
    /// <summary>Far beyond what any of it takes; a test that waits so long has failed.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _stop = new();
    private readonly Task _kubelet;

    private RunningKubelet(RunningServer server, ApiClient client, KubeletDirectory pods)
    {
        (Server, Client) = (server, client);
        var kubelet = new Podnet.Local.Kubelet.Kubelet(Machine.Options, Client, NullLogger.Instance);
        pods.Add(TestNode.Name, kubelet);
        _kubelet = kubelet.RunAsync(_stop.Token);
    }

    public RunningServer Server { get; }

    public ApiClient Client { get; }

    public TestNode Machine { get; } = new();

    public static async Task<RunningKubelet> StartAsync()
    {
        var pods = new KubeletDirectory();
        var server = await RunningServer.StartAsync(pods: pods);
        var client = ApiClient.FromKubeconfig(server.Kubeconfig);
        var node = new V1Node
        {
            Metadata = new V1ObjectMeta { Name = TestNode.Name },
            Spec = new V1NodeSpec { PodCIDR = "10.240.0.0/27", PodCIDRs = ["10.240.0.0/27"] },
        };
        await client.CreateAsync(Resources.Nodes, node, default);
        var metadata = new V1ObjectMeta { Name = "default", NamespaceProperty = "default" };
        await client.CreateAsync(Resources.ServiceAccounts, new V1ServiceAccount { Metadata = metadata }, default);
        var authority = new V1ConfigMap
        {
            Metadata = new V1ObjectMeta { Name = "kube-root-ca.crt", NamespaceProperty = "default" },
            Data = new Dictionary<string, string> { ["ca.crt"] = server.AuthorityPem },
        };
        await client.CreateAsync(Resources.ConfigMaps, authority, default);
        return new RunningKubelet(server, client, pods);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAny(_kubelet);
        _stop.Dispose();
        Client.Dispose();
        await Server.DisposeAsync();
        await Machine.DisposeAsync();
    }

    public static string Program(bool old) => old ? OldKubectl.Program.Value : "kubectl";

    /// <summary>Today's kubectl or an old one.</summary>
    public ProcessResult Kubectl(bool old, string input, params string[] arguments) =>
        ChildProcess.Run(new ProcessStart(Program(old), ["--kubeconfig", Server.Kubeconfig, .. arguments]), System.Text.Encoding.UTF8.GetBytes(input), Deadline);

    public Task<V1Pod?> GetAsync(string pod = "web-0") => Client.GetAsync(Resources.Pods, "default", pod, default);

    public async Task<V1Pod> CreateAsync(V1Pod pod)
    {
        pod.Metadata.Uid = null;
        return await Client.CreateAsync(Resources.Pods, pod, default);
    }

    public Task<V1Pod> UntilRunningAsync() => UntilAsync("it runs", async () =>
        await GetAsync() is { Status.ContainerStatuses: [{ State.Running: not null }] } now ? now : null);

    public async Task<T> UntilAsync<T>(string what, Func<Task<T?>> find)
        where T : class
    {
        var end = DateTime.UtcNow + Deadline;
        while (true)
        {
            if (await find() is { } found)
                return found;
            if (_kubelet.IsFaulted)
                await _kubelet;
            Assert.True(DateTime.UtcNow < end, $"not within {Deadline.TotalSeconds} s: {what}");
            await Task.Delay(5);
        }
    }
}
