using System.Text.Json;
using System.Text.Json.Nodes;
using Podnet.Local.ApiServer;

namespace Podnet.Local.Streaming;

/// <summary>The client's side of a program that runs in a container.</summary>
internal interface IExecChannels
{
    /// <summary>Blocks until it is sent.</summary>
    void Output(ReadOnlyMemory<byte> bytes);

    void Error(ReadOnlyMemory<byte> bytes);

    /// <summary>Hands on what the client sends until it goes.</summary>
    Task ReceiveAsync(IExecution execution, CancellationToken ct);

    /// <summary>How it ended, the last that is sent.</summary>
    /// <param name="status">metav1.Status.</param>
    Task FinishAsync(JsonObject status);
}

/// <summary>A terminal's new size, as kubectl sends it: {"Width":80,"Height":24}, in characters.</summary>
internal static class TerminalSize
{
    /// <summary>False if it is none.</summary>
    public static bool TryRead(ReadOnlySpan<byte> json, out ushort columns, out ushort rows)
    {
        (columns, rows) = (0, 0);
        try
        {
            var reader = new Utf8JsonReader(json);
            var size = JsonNode.Parse(ref reader);
            (columns, rows) = ((ushort)(size.Number("Width") ?? 0), (ushort)(size.Number("Height") ?? 0));
        }
        catch (JsonException)
        {
            return false;
        }

        return columns > 0 && rows > 0;
    }
}
