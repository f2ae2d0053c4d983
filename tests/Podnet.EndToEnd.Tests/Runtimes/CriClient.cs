namespace Podnet.EndToEnd.Tests.Runtimes;

/// <summary>
/// As a kubelet: the calls of CRI (k8s.io/cri-api, pkg/apis/runtime/v1/api.proto) that start a pod and end it. Field numbers are that
/// file's; above each message is what is written of it.
/// </summary>
internal sealed class CriClient(string socket) : IDisposable
{
    private const string Runtime = "/runtime.v1.RuntimeService/";

    private readonly GrpcClient _grpc = new(socket);

    /// <summary>Which of its conditions do not hold, with the reason: RuntimeReady and NetworkReady are there. Empty: none.</summary>
    public async Task<string> NotReadyAsync()
    {
        // StatusResponse { status = 1 { conditions = 1 { type = 1, status = 2 (bool), reason = 3, message = 4 } } }
        var status = ProtobufMessage.All(await CallAsync("Status", new ProtobufMessage()), 1).Single();
        return string.Join("; ", ProtobufMessage.All(status, 1)
            .Where(condition => ProtobufMessage.Number(condition, 2) == 0)
            .Select(condition => $"{ProtobufMessage.Text(condition, 1)}: {ProtobufMessage.Text(condition, 4)}"));
    }

    public async Task<bool> HasImageAsync(string name)
    {
        // ImageStatusRequest { image = 1 { image = 1 } }; ImageStatusResponse { image = 1 }
        var answer = await _grpc.CallAsync("/runtime.v1.ImageService/ImageStatus", new ProtobufMessage().Add(1, new ProtobufMessage().Add(1, name)));
        return ProtobufMessage.All(answer, 1).Any();
    }

    /// <returns>The sandbox's id.</returns>
    public async Task<string> RunPodSandboxAsync(CriPod pod) =>
        // RunPodSandboxRequest { config = 1 }; RunPodSandboxResponse { pod_sandbox_id = 1 }
        ProtobufMessage.Text(await CallAsync("RunPodSandbox", new ProtobufMessage().Add(1, pod.Config())), 1);

    /// <summary>The addresses of a sandbox, the first of which the runtime calls its address; empty after StopPodSandbox.</summary>
    public async Task<(bool Ready, string[] Addresses)> PodSandboxStatusAsync(string sandbox)
    {
        // PodSandboxStatusResponse { status = 1 { state = 3 (0: ready), network = 5 { ip = 1, additional_ips = 2 { ip = 1 } } } }
        var status = ProtobufMessage.All(await CallAsync("PodSandboxStatus", new ProtobufMessage().Add(1, sandbox)), 1).Single();
        var network = ProtobufMessage.All(status, 5).SingleOrDefault([]);
        string[] addresses = [ProtobufMessage.Text(network, 1), .. ProtobufMessage.All(network, 2).Select(more => ProtobufMessage.Text(more, 1))];
        return (ProtobufMessage.Number(status, 3) == 0, [.. addresses.Where(address => address.Length > 0)]);
    }

    /// <returns>The container's id.</returns>
    public async Task<string> CreateContainerAsync(string sandbox, CriPod pod, string name, string image) =>
        // CreateContainerRequest { pod_sandbox_id = 1, config = 2 { metadata = 1 { name = 1 }, image = 2 { image = 1 } }, sandbox_config = 3 }
        ProtobufMessage.Text(
            await CallAsync("CreateContainer", new ProtobufMessage()
                .Add(1, sandbox)
                .Add(2, new ProtobufMessage().Add(1, new ProtobufMessage().Add(1, name)).Add(2, new ProtobufMessage().Add(1, image)))
                .Add(3, pod.Config())),
            1);

    public Task StartContainerAsync(string container) => CallAsync("StartContainer", new ProtobufMessage().Add(1, container));

    public Task StopPodSandboxAsync(string sandbox) => CallAsync("StopPodSandbox", new ProtobufMessage().Add(1, sandbox));

    public Task RemovePodSandboxAsync(string sandbox) => CallAsync("RemovePodSandbox", new ProtobufMessage().Add(1, sandbox));

    public async Task<(long ExitCode, string Output)> ExecSyncAsync(string container, params string[] line)
    {
        // ExecSyncRequest { container_id = 1, cmd = 2, timeout = 3 (s) }; ExecSyncResponse { stdout = 1, stderr = 2, exit_code = 3 }
        var answer = await CallAsync("ExecSync", new ProtobufMessage().Add(1, container).Add(2, line).Add(3, 20));
        return (ProtobufMessage.Number(answer, 3), ProtobufMessage.Text(answer, 1) + ProtobufMessage.Text(answer, 2));
    }

    public void Dispose() => _grpc.Dispose();

    private Task<byte[]> CallAsync(string method, ProtobufMessage message) => _grpc.CallAsync(Runtime + method, message);
}

/// <summary>What a kubelet says of a pod.</summary>
/// <param name="Cgroup">The group under which its own are.</param>
internal sealed record CriPod(string Name, string Cgroup)
{
    /// <summary>A port of the node that leads to port 80; 0: none.</summary>
    public int HostPort { get; init; }

    public IReadOnlyDictionary<string, string> Annotations { get; init; } = new Dictionary<string, string>();

    public ProtobufMessage Config()
    {
        // PodSandboxConfig { metadata = 1 { name = 1, uid = 2, namespace = 3 }, hostname = 2, log_directory = 3,
        //   port_mappings = 5 { protocol = 1 (0: TCP), container_port = 2, host_port = 3 }, annotations = 7 { key = 1, value = 2 },
        //   linux = 8 { cgroup_parent = 1 } }
        var config = new ProtobufMessage()
            .Add(1, new ProtobufMessage().Add(1, Name).Add(2, $"uid-{Name}").Add(3, "default"))
            .Add(2, Name)
            .Add(3, "/var/log/pods");
        if (HostPort != 0)
            config.Add(5, new ProtobufMessage().Add(2, 80).Add(3, HostPort));
        foreach (var (key, value) in Annotations)
            config.Add(7, new ProtobufMessage().Add(1, key).Add(2, value));
        return config.Add(8, new ProtobufMessage().Add(1, Cgroup));
    }
}
