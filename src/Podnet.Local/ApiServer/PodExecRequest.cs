using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Podnet.Local.Streaming;

namespace Podnet.Local.ApiServer;

/// <summary>pods/NAME/exec: a program in a container, over a WebSocket or SPDY.</summary>
internal static class PodExecRequest
{
    public static async Task AnswerAsync(HttpContext http, JsonObject pod, IPodAccess? access)
    {
        var query = http.Request.Query;
        var command = query["command"].OfType<string>().ToArray();
        if (command.Length == 0)
            throw StatusException.BadRequest("you must specify at least one command for the container");
        var target = Target(pod, query["container"].ToString());
        if (access is null)
            throw PodTarget.NoNode(target.Node);
        ProtocolUpgrade.Require(http.Request);
        var (input, terminal) = (query.Flag("stdin"), query.Flag("tty"));
        Task Serve(IExecChannels channels) =>
            ServeAsync(channels, access, target, new ExecRequest(command, input, terminal, channels.Output, channels.Error), http.RequestAborted);
        if (ProtocolUpgrade.WantsWebSocket(http.Request))
        {
            var protocol = ProtocolUpgrade.Choose(http.Request, WebSocketExecChannels.V5, WebSocketExecChannels.V4);
            using var socket = await ProtocolUpgrade.WebSocketAsync(http, protocol);
            await Serve(new WebSocketExecChannels(socket));
        }
        else
        {
            var protocol = ProtocolUpgrade.Choose(http.Request, WebSocketExecChannels.V4);
            await using var stream = await ProtocolUpgrade.SpdyAsync(http, protocol);
            using var connection = new SpdyConnection(stream);
            var running = connection.RunAsync(http.RequestAborted);
            bool[] wanted = [true, input, query.Flag("stdout"), query.Flag("stderr") && !terminal, terminal];
            await Serve(await SpdyExecChannels.AcceptAsync(connection, wanted.Count(w => w), running));
            await Task.WhenAny(running, Task.Delay(TimeSpan.FromSeconds(5))); // the client hangs up when it has read all
        }
    }

    private static ContainerTarget Target(JsonObject pod, string container)
    {
        var name = PodTarget.Choose(pod, container);
        var phase = pod.Text("status", "phase");
        if (phase is "Succeeded" or "Failed")
            throw StatusException.BadRequest($"cannot exec into a container in a completed pod; current phase is {phase}");
        return PodTarget.Of(pod, name) ?? throw StatusException.BadRequest($"pod {pod.Text("metadata", "name")} does not have a host assigned");
    }

    private static async Task ServeAsync(IExecChannels channels, IPodAccess access, ContainerTarget target, ExecRequest request, CancellationToken gone)
    {
        IExecution execution;
        try
        {
            execution = await access.ExecAsync(target, request);
        }
        catch (StatusException e)
        {
            await channels.FinishAsync(e.ToStatus());
            return;
        }

        await using (execution)
        {
            var receiving = channels.ReceiveAsync(execution, gone);
            if (await Task.WhenAny(execution.Ended, receiving) == receiving)
                return; // the client has gone; the program is killed
            await channels.FinishAsync(Status(await execution.Ended));
            await Task.WhenAny(receiving, Task.Delay(TimeSpan.FromSeconds(5), gone));
        }
    }

    /// <summary>k8s.io/apimachinery/pkg/util/remotecommand: an exit code is a cause of a Status.</summary>
    private static JsonObject Status(int code)
    {
        var status = new JsonObject { ["metadata"] = new JsonObject(), ["status"] = code == 0 ? "Success" : "Failure" };
        if (code == 0)
            return status;
        status["message"] = $"command terminated with non-zero exit code: exit status {code}";
        status["reason"] = "NonZeroExitCode";
        status["details"] = new JsonObject { ["causes"] = new JsonArray(new JsonObject { ["reason"] = "ExitCode", ["message"] = $"{code}" }) };
        return status;
    }
}
