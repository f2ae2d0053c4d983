using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Podnet.Local.Streaming;

namespace Podnet.Local.ApiServer;

/// <summary>pods/NAME/exec, a program in a container, and pods/NAME/attach, the container's own; over a WebSocket or SPDY.</summary>
internal static class PodExecRequest
{
    public static Task ExecAsync(HttpContext http, JsonObject pod, IPodAccess? access)
    {
        var query = http.Request.Query;
        var command = query["command"].OfType<string>().ToArray();
        if (command.Length == 0)
            throw StatusException.BadRequest("you must specify at least one command for the container");
        var target = Target(pod, query["container"].ToString(), "exec into");
        var (input, terminal) = (query.Flag("stdin"), query.Flag("tty"));
        return AnswerAsync(
            http, access, target,
            channels => access!.ExecAsync(target, new ExecRequest(command, input, terminal, channels.Output, channels.Error)), Status);
    }

    public static Task AttachAsync(HttpContext http, JsonObject pod, IPodAccess? access)
    {
        var query = http.Request.Query;
        var target = Target(pod, query["container"].ToString(), "attach to");
        return AnswerAsync(
            http, access, target,
            channels => Task.FromResult(access!.Attach(target, new AttachRequest(query.Flag("stdin"), channels.Output, channels.Error))),
            _ => Status(0)); // what it ended with is in the pod's status
    }

    private static async Task AnswerAsync(
        HttpContext http, IPodAccess? access, ContainerTarget target, Func<IExecChannels, Task<IExecution>> start, Func<int, JsonObject> status)
    {
        if (access is null)
            throw PodTarget.NoNode(target.Node);
        ProtocolUpgrade.Require(http.Request);
        if (ProtocolUpgrade.WantsWebSocket(http.Request))
        {
            var protocol = ProtocolUpgrade.Choose(http.Request, WebSocketExecChannels.V5, WebSocketExecChannels.V4);
            using var socket = await ProtocolUpgrade.WebSocketAsync(http, protocol);
            await ServeAsync(new WebSocketExecChannels(socket), start, status, http.RequestAborted);
        }
        else
        {
            var protocol = ProtocolUpgrade.Choose(http.Request, WebSocketExecChannels.V4);
            await using var stream = await ProtocolUpgrade.SpdyAsync(http, protocol);
            using var connection = new SpdyConnection(stream);
            var running = connection.RunAsync(http.RequestAborted);
            var query = http.Request.Query;
            var terminal = query.Flag("tty");
            bool[] wanted = [true, query.Flag("stdin"), query.Flag("stdout"), query.Flag("stderr") && !terminal, terminal];
            await ServeAsync(await SpdyExecChannels.AcceptAsync(connection, wanted.Count(w => w), running), start, status, http.RequestAborted);
            await Task.WhenAny(running, Task.Delay(TimeSpan.FromSeconds(5))); // the client hangs up when it has read all
        }
    }

    private static ContainerTarget Target(JsonObject pod, string container, string verb)
    {
        var name = PodTarget.Choose(pod, container);
        var phase = pod.Text("status", "phase");
        if (phase is "Succeeded" or "Failed")
            throw StatusException.BadRequest($"cannot {verb} a container in a completed pod; current phase is {phase}");
        return PodTarget.Of(pod, name) ?? throw StatusException.BadRequest($"pod {pod.Text("metadata", "name")} does not have a host assigned");
    }

    private static async Task ServeAsync(
        IExecChannels channels, Func<IExecChannels, Task<IExecution>> start, Func<int, JsonObject> status, CancellationToken gone)
    {
        IExecution execution;
        try
        {
            execution = await start(channels);
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
                return; // the client has gone
            await channels.FinishAsync(status(await execution.Ended));
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
