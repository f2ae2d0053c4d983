using System.Net.WebSockets;
using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.Local.Tests.Kubelet;

/// <summary>kubectl attach and kubectl run -i: somebody at a container's own program. Today's kubectl speaks WebSocket, an old one SPDY.</summary>
public sealed class AttachTests : IAsyncLifetime
{
    private const string OnThisNode = """--overrides={"spec":{"nodeName":"node-1"}}""";

    private RunningKubelet _running = null!;

    public async ValueTask InitializeAsync() => _running = await RunningKubelet.StartAsync();

    public ValueTask DisposeAsync() => _running.DisposeAsync();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_is_piped_into_kubectl_run_comes_out_again_and_the_pod_is_gone(bool old)
    {
        var result = _running.Kubectl(old, "from outside\n", "run", "x", "--rm", "-i", "--image=busybox", "--restart=Never", OnThisNode, "--", "cat");
        Assert.True(result.Succeeded, result.StandardError);
        Assert.StartsWith("from outside\n", result.StandardOutput);
        Assert.Null(await _running.GetAsync("x"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Kubectl_run_has_output_and_error_output_apart_and_ends_as_the_container_does(bool old)
    {
        var result = _running.Kubectl(
            old, "", "run", "x", "--rm", "-i", "--quiet", "--image=sh", "--restart=Never", OnThisNode, "--", "-c", "echo one; echo wrong >&2; echo two; cat; echo three; exit 7");
        Assert.Equal(7, result.Status.Code);
        Assert.StartsWith("one\ntwo\nthree\n", result.StandardOutput);
        Assert.Contains("wrong\n", result.StandardError);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Kubectl_run_gives_the_container_a_terminal_of_the_clients_size(bool old)
    {
        // script(1) gives kubectl a terminal.
        var line = $$"""
            stty cols 91 rows 33; {{RunningKubelet.Program(old)}} --kubeconfig {{_running.Server.Kubeconfig}} run x -it --rm --image=sh --restart=Never '{{OnThisNode}}' -- \
              -c 'until [ "$(stty size)" = "33 91" ]; do sleep 0.05; done; tty; stty size; echo $TERM; exit 3'
            """;
        var result = ChildProcess.Run(new ProcessStart("script", ["-qec", line, "/dev/null"]), default, RunningKubelet.Deadline);
        Assert.Contains("/dev/pts/0\r\n33 91\r\nxterm\r\n", result.StandardOutput);
        Assert.Equal(3, result.Status.Code);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Several_see_what_a_container_prints_and_who_goes_leaves_it_running(bool old)
    {
        var pod = TestNode.Script("exec cat");
        pod.Spec.Containers[0].Stdin = true;
        await _running.CreateAsync(pod);
        await _running.UntilRunningAsync();

        using var watcher = Attached.Start(_running, old);
        using (var first = Attached.Start(_running, old, "-i"))
        {
            await first.SayUntilHeardAsync("one", first, watcher);
        }

        using var second = Attached.Start(_running, old, "-i");
        await second.SayUntilHeardAsync("two", second, watcher);
        Assert.Equal(0, (await _running.UntilRunningAsync()).Status.ContainerStatuses[0].RestartCount);
        var log = _running.Server.KubectlText("logs", "web-0");
        Assert.Matches("^(one\n)+(two\n)+$", log);
    }

    [Fact]
    public async Task A_container_on_a_terminal_has_a_log_of_what_it_prints()
    {
        var pod = TestNode.Script("echo one; stty size; exec sleep 1000");
        (pod.Spec.Containers[0].Stdin, pod.Spec.Containers[0].Tty) = (true, true);
        await _running.CreateAsync(pod);
        await _running.UntilRunningAsync();
        await _running.UntilAsync("it is in the log", () => Task.FromResult(_running.Server.Kubectl("logs", "web-0").StandardOutput == "one\r\n0 0\r\n" ? pod : null));
    }

    [Fact]
    public async Task Who_does_not_read_holds_nobody_up_and_takes_no_memory()
    {
        const int printed = 64 << 20;
        var pod = TestNode.Script($"read go; yes | head -c {printed}; echo; echo the end", "Never");
        pod.Spec.Containers[0].Stdin = true;
        await _running.CreateAsync(pod);
        await _running.UntilRunningAsync();

        using var client = new ClientWebSocket();
        client.Options.AddSubProtocol("v5.channel.k8s.io");
        client.Options.SetRequestHeader("Authorization", $"Bearer {_running.Server.Token}");
        client.Options.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        await client.ConnectAsync(
            new Uri($"wss://127.0.0.1:{_running.Server.Port}/api/v1/namespaces/default/pods/web-0/attach?container=main&stdin=true&stdout=true&stderr=true"), default);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        await client.SendAsync(new byte[] { 0, (byte)'\n' }, WebSocketMessageType.Binary, endOfMessage: true, default);

        await _running.UntilAsync("it ends though nobody reads", async () => await _running.GetAsync() is { Status.Phase: "Succeeded" } now ? now : null);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, printed / 4);
        Assert.EndsWith("\nthe end\n", _running.Server.KubectlText("logs", "web-0", "--tail=2"));
    }

    [Fact]
    public async Task A_container_that_has_ended_cannot_be_attached_to()
    {
        await _running.CreateAsync(TestNode.Script("true", "Never"));
        await _running.UntilAsync("it has ended", async () => await _running.GetAsync() is { Status.Phase: "Succeeded" } now ? now : null);
        var result = _running.Kubectl(old: false, "", "attach", "web-0");
        Assert.Equal("error: cannot attach a container in a completed pod; current phase is Succeeded\n", result.StandardError);
    }

    /// <summary>A kubectl attach that goes on until it is killed.</summary>
    private sealed class Attached : IDisposable
    {
        private readonly ChildProcess _process;
        private readonly Pipe _input = Pipe.Create(), _output = Pipe.Create();
        private readonly List<string> _heard = [];

        private Attached(RunningKubelet running, bool old, string[] options)
        {
            _process = ChildProcess.Start(new ProcessStart(RunningKubelet.Program(old), ["--kubeconfig", running.Server.Kubeconfig, "attach", "web-0", .. options])
            {
                StandardInput = _input.Read,
                StandardOutput = _output.Write,
            });
            DescriptorStreams.NonBlocking(_input.Write);
            _ = Task.Factory.StartNew(Listen, TaskCreationOptions.LongRunning);
        }

        public static Attached Start(RunningKubelet running, bool old, params string[] options) => new(running, old, options);

        /// <summary>Again and again: whether they are attached already, nobody but the container's output says.</summary>
        public Task SayUntilHeardAsync(string line, params Attached[] by) => Poll.UntilAsync(
            async () =>
            {
                await DescriptorStreams.WriteAsync(_input.Write, System.Text.Encoding.ASCII.GetBytes(line + "\n"), CancellationToken.None);
                return by.All(client => client.Hears(line));
            },
            () => $"not all heard {line}: {string.Join("; ", by.Select(client => string.Join(' ', client._heard)))}");

        public void Dispose()
        {
            _process.Kill(Signals.Kill);
            _process.Exited.GetAwaiter().GetResult();
            _input.Dispose();
            _output.Write.Dispose();
        }

        private bool Hears(string line)
        {
            lock (_heard)
                return _heard.Contains(line);
        }

        private void Listen()
        {
            using var lines = new StreamReader(_output.OpenRead());
            while (lines.ReadLine() is { } line)
            {
                lock (_heard)
                    _heard.Add(line);
            }
        }
    }
}
