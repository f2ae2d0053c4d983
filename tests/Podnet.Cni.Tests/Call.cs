using System.Text;
using System.Text.Json.Nodes;
using Podnet.Cni.Wiring;

namespace Podnet.Cni.Tests;

/// <summary>One call of the plugin, within the test's process and in the calling thread's network namespace.</summary>
internal sealed record Call(string Command)
{
    public string? ContainerId { get; init; } = "c1";

    public string? InterfaceName { get; init; } = "eth0";

    public string? Netns { get; init; }

    public string? Arguments { get; init; } = "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=nginx-0";

    public string Config { get; init; } = "";

    /// <summary>The exit code, and what was on standard output.</summary>
    public (int ExitCode, string Output) Run(Action<AddStep>? beforeStep = null)
    {
        using var output = new MemoryStream();
        var code = Plugin.Run(Variable, new MemoryStream(Encoding.UTF8.GetBytes(Config)), To(output), beforeStep);
        return (code, Encoding.UTF8.GetString(output.ToArray()));
    }

    /// <summary>A standard output that is kept.</summary>
    public static Func<ReadOnlyMemory<byte>, bool> To(MemoryStream output) => answer =>
    {
        output.Write(answer.Span);
        return true;
    };

    public JsonNode Succeed()
    {
        var (code, output) = Run();
        Assert.True(code == 0, output);
        return output.Length == 0 ? new JsonObject() : JsonNode.Parse(output)!;
    }

    public (int Code, string Message, string? Details) Fail(Action<AddStep>? beforeStep = null)
    {
        var (exitCode, output) = Run(beforeStep);
        Assert.True(exitCode == 1, output);
        var error = JsonNode.Parse(output)!;
        return ((int)error["code"]!, (string)error["msg"]!, (string?)error["details"]);
    }

    public string? Variable(string name) => name switch
    {
        "CNI_COMMAND" => Command,
        "CNI_CONTAINERID" => ContainerId,
        "CNI_IFNAME" => InterfaceName,
        "CNI_NETNS" => Netns,
        "CNI_ARGS" => Arguments,
        "CNI_PATH" => "/opt/cni/bin",
        _ => null,
    };
}
