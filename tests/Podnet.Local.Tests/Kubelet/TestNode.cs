using System.Collections.Concurrent;
using System.Security.Cryptography;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Podnet.Linux;
using Podnet.Local.Images;
using Podnet.Local.Kubelet;

namespace Podnet.Local.Tests.Kubelet;

/// <summary>
/// A node of a cluster of the test's own, with real runc, the real pause and a stand-in for the network plugin: a shell script
/// that gives the pod an eth0 which leads nowhere. All of it is gone after the test.
/// </summary>
internal sealed class TestNode : IAsyncDisposable
{
    public const string Name = "node-1";

    private const string Plugin = """
        #!/bin/sh
        # $RUN is put in below. One line a call: command, container, network namespace, whole configuration.
        config=$(tr -d '\n')
        echo "$CNI_COMMAND $CNI_CONTAINERID ${CNI_NETNS:--} $config" >> $RUN/cni.log
        [ "$CNI_COMMAND" = ADD ] || exit 0
        if [ -e $RUN/cni-fails ]; then echo '{"code":11,"msg":"try again","details":"because the test says so"}'; exit 1; fi
        wanted=$(echo "$config" | sed -n 's/.*"ips":\["\([0-9.]*\)".*/\1/p')
        [ -n "$wanted" ] || wanted=10.240.0.$(wc -l < $RUN/cni.log)
        nsenter --net="$CNI_NETNS" sh -c "ip link set lo up; ip link add eth0 type veth peer name other && ip addr add $wanted/32 dev eth0 && ip link set eth0 up" || exit 1
        echo "{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"$wanted/32\"}]}"
        """;

    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _runs = [];

    public TestNode()
    {
        ChildProcess.BecomeSubreaper();
        Paths = new ClusterPaths("test-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4)));
        Directory.CreateDirectory(Paths.Run);
        Mounts.Tmpfs(Paths.Run, "256m");
        NetworkNamespace.CreateNamed(Paths.NodeNamespace(Name)).Dispose();
        var plugin = $"{Paths.Run}/plugin";
        File.WriteAllText(plugin, Plugin.Replace("$RUN", Paths.Run));
        File.SetUnixFileMode(plugin, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Options = new KubeletOptions
        {
            NodeName = Name,
            Paths = Paths,
            PluginPath = plugin,
            PausePath = Path.Combine(AppContext.BaseDirectory, "pause"),
            Addresses = ["10.99.0.2"],
            Images = new ImageService(new ImageStore($"{Paths.Lib}/images"), Paths.Pulls),
        };
        Runtime = NewRuntime();
        _runs.Add(Runtime.Logs.RunAsync(_stop.Token));
    }

    public ClusterPaths Paths { get; }

    public KubeletOptions Options { get; }

    public NodeRuntime Runtime { get; }

    /// <summary>What the node's pods may refer to.</summary>
    public TestObjects Objects { get; } = new();

    /// <summary>As a kubelet that was started anew has it.</summary>
    public NodeRuntime NewRuntime() => new(Options, ["10.240.0.0/27"], Task.Run(() => MaskLayer.Ensure(Paths)), Objects, NullLogger.Instance);

    public void LoopbackUp()
    {
        using var own = Paths.OpenNode(Name);
        own.Run(() => ChildProcess.Run("ip", "link", "set", "lo", "up"));
    }

    public string CniCalls => File.Exists($"{Paths.Run}/cni.log") ? File.ReadAllText($"{Paths.Run}/cni.log") : "";

    public TestPod Run(V1Pod pod)
    {
        var run = new TestPod(this, pod);
        _runs.Add(run.Run(_stop.Token));
        return run;
    }

    /// <summary>The workers stop where they are, as with a kubelet that is killed.</summary>
    public async Task AbandonAsync()
    {
        await _stop.CancelAsync();
        foreach (var run in _runs)
            await Task.WhenAny(run);
    }

    public async ValueTask DisposeAsync()
    {
        await AbandonAsync();
        await Runtime.Mask; // which is being made, whether a pod was run or not
        await Options.Images.DisposeAsync();
        _stop.Dispose();
        KubeletCleanup.RemoveAll(Paths);
        Mounts.UnmountIfMounted(Paths.Run);
        Directory.Delete(Paths.Run);
        if (Directory.Exists(Paths.Lib))
            Directory.Delete(Paths.Lib, recursive: true);
        NetworkNamespace.DeleteNamed(Paths.NodeNamespace(Name));
    }

    /// <summary>A pod of one container that runs a shell script, and has no token.</summary>
    public static V1Pod Script(string script, string restartPolicy = "Always", string name = "web-0") => new()
    {
        Metadata = new V1ObjectMeta { Name = name, NamespaceProperty = "default", Uid = Guid.NewGuid().ToString() },
        Spec = new V1PodSpec
        {
            NodeName = Name,
            RestartPolicy = restartPolicy,
            TerminationGracePeriodSeconds = 1,
            AutomountServiceAccountToken = false,
            Containers = [new V1Container { Name = "main", Image = "sh", Command = ["sh", "-c", script] }],
        },
    };
}

/// <summary>ConfigMaps, Secrets and Services without an API server, all of namespace default.</summary>
internal sealed class TestObjects : IPodObjects
{
    public ConcurrentDictionary<string, Dictionary<string, string>> ConfigMaps { get; } = new();

    public ConcurrentDictionary<string, Dictionary<string, byte[]>> Secrets { get; } = new();

    public List<V1Service> Services { get; } = [];

    public Task<V1ConfigMap?> ConfigMapAsync(string @namespace, string name) =>
        Task.FromResult(ConfigMaps.TryGetValue(name, out var data) ? new V1ConfigMap { Data = data } : null);

    public Task<V1Secret?> SecretAsync(string @namespace, string name) =>
        Task.FromResult(Secrets.TryGetValue(name, out var data) ? new V1Secret { Data = data } : null);

    public Task<IReadOnlyList<V1Service>> ServicesAsync(string @namespace) => Task.FromResult<IReadOnlyList<V1Service>>(Services);

    /// <summary>How long tokens are good for, whatever is asked.</summary>
    public TimeSpan TokenLifetime { get; set; } = TimeSpan.FromHours(1);

    public int TokensGiven { get; private set; }

    public Task<V1TokenRequestStatus> TokenAsync(V1Pod pod, string? audience, long seconds) => Task.FromResult(
        new V1TokenRequestStatus { Token = $"{++TokensGiven}-{pod.Spec.ServiceAccountName}-{audience}-{seconds}", ExpirationTimestamp = DateTime.UtcNow + TokenLifetime });
}

/// <summary>A pod that is being run, and what its worker said of it.</summary>
internal sealed class TestPod : IPodObserver
{
    /// <summary>Far beyond what any of it takes; a test that waits so long has failed.</summary>
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly TestNode _node;
    private readonly PodRunner _runner;

    public TestPod(TestNode node, V1Pod pod)
    {
        _node = node;
        Pod = pod;
        _runner = new PodRunner(pod, node.Runtime, this, NullLogger.Instance);
    }

    public V1Pod Pod { get; }

    public V1PodStatus Status { get; private set; } = new();

    public V1ContainerStatus Main => Status.ContainerStatuses[0];

    public ConcurrentQueue<string> Events { get; } = [];

    public Task Ended { get; private set; } = Task.CompletedTask;

    /// <param name="restarts">How often the container had been restarted before it wrote that.</param>
    public string Log(int restarts) => File.ReadAllText($"{Pod.LogFolder(_node.Paths)}/{Pod.Spec.Containers[0].Name}/{restarts}.log");

    public int PausePid => _node.Paths.SandboxPid(Pod.Metadata.NamespaceProperty, Pod.Metadata.Name)
        ?? throw new InvalidOperationException("there is no sandbox");

    public int MainPid => int.Parse(File.ReadAllText($"{_node.Runtime.Folder}/{Main.ContainerID["runc://".Length..]}/pid"));

    public Task Run(CancellationToken ct) => Ended = Task.Run(() => _runner.RunAsync(ct), ct);

    public void Delete(int graceSeconds)
    {
        var deleted = new V1Pod
        {
            Metadata = new V1ObjectMeta
            {
                Name = Pod.Metadata.Name,
                NamespaceProperty = Pod.Metadata.NamespaceProperty,
                Uid = Pod.Metadata.Uid,
                DeletionTimestamp = DateTime.UtcNow,
                DeletionGracePeriodSeconds = graceSeconds,
            },
            Spec = Pod.Spec,
        };
        _runner.Update(deleted);
    }

    public void Vanish() => _runner.Vanished();

    public Task UntilRunningAsync() => UntilAsync(status => status.ContainerStatuses?.All(c => c.State.Running is not null) == true);

    public Task UntilAsync(Func<V1PodStatus, bool> condition) => UntilAsync(() => condition(Status));

    public async Task UntilAsync(Func<bool> condition)
    {
        var end = DateTime.UtcNow + Deadline;
        while (!condition())
        {
            if (Ended.IsFaulted)
                await Ended;
            Assert.True(DateTime.UtcNow < end, $"not within {Deadline.TotalSeconds} s; last seen: {Describe()}");
            await Task.Delay(5);
        }
    }

    public async Task UntilEndedAsync() => await Ended.WaitAsync(Deadline);

    public void StatusChanged(V1PodStatus status) => Status = status;

    public void Happened(bool warning, string reason, string message, string? container = null) => Events.Enqueue($"{reason}: {message}");

    private string Describe() =>
        $"{Status.Phase} {string.Join(' ', Status.ContainerStatuses?.Select(c => $"{c.Name}:{c.State.Waiting?.Reason}{c.State.Terminated?.ExitCode}") ?? [])}; {string.Join("; ", Events)}";
}
