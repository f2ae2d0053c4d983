using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Podnet.Local.ApiServer;

/// <summary>The form in which a client wants objects, by its Accept header.</summary>
internal enum ObjectForm
{
    Whole,
    Table,
    MetadataOnly,
}

internal static class ApiResponse
{
    /// <summary>Bytes of an answer that are made before a client has taken some; arbitrary.</summary>
    private const int FlushAt = 64 * 1024;

    /// <summary>Characters of one warning, and of all of an answer (kubernetes apiserver pkg/endpoints/filters/warning.go).</summary>
    private const int LongestWarning = 256, AllWarnings = 4096;

    public static ObjectForm RequestedForm(this HttpRequest request)
    {
        foreach (var range in request.Headers.Accept.ToString().Split(',', StringSplitOptions.TrimEntries))
        {
            var parameters = range.Split(';', StringSplitOptions.TrimEntries);
            if (parameters[0] is not ("application/json" or "*/*"))
                continue;
            var known = parameters.Contains("g=meta.k8s.io") && parameters.Contains("v=v1");
            if (known && parameters.Contains("as=Table"))
                return ObjectForm.Table;
            if (known && (parameters.Contains("as=PartialObjectMetadata") || parameters.Contains("as=PartialObjectMetadataList")))
                return ObjectForm.MetadataOnly;
            if (!parameters.Any(p => p.StartsWith("as=", StringComparison.Ordinal)))
                return ObjectForm.Whole;
        }
        return ObjectForm.Whole;
    }

    public static Task Json(this HttpResponse response, int code, JsonNode body) => response.Json(code, ObjectJson.ToUtf8(body));

    public static Task Json(this HttpResponse response, int code, ReadOnlyMemory<byte> body) => response.Bytes(code, "application/json", body);

    public static async Task Bytes(this HttpResponse response, int code, string type, ReadOnlyMemory<byte> body)
    {
        response.StatusCode = code;
        response.ContentType = type;
        response.ContentLength = body.Length;
        await response.StartAsync(response.HttpContext.RequestAborted);
        await response.BodyWriter.WriteInPartsAsync(body, response.HttpContext.RequestAborted);
        await response.BodyWriter.FlushAsync(response.HttpContext.RequestAborted);
    }

    /// <summary>
    /// Waits for the client whenever there is more than it takes, so that one that reads slowly or not at all costs a buffer. Kestrel
    /// hangs up on it in the end (MinResponseDataRate). The last part is still to be flushed.
    /// </summary>
    /// <param name="output">Of an answer that has been started: before that, Kestrel keeps what is written, however much.</param>
    public static async ValueTask WriteInPartsAsync(this PipeWriter output, ReadOnlyMemory<byte> bytes, CancellationToken gone)
    {
        while (bytes.Length > 0)
        {
            var part = bytes[..Math.Min(bytes.Length, FlushAt)];
            output.Write(part.Span);
            bytes = bytes[part.Length..];
            if (output.UnflushedBytes >= FlushAt)
                await output.FlushAsync(gone);
        }
    }

    public static async Task Text(this HttpResponse response, int code, string text)
    {
        response.StatusCode = code;
        response.ContentType = "text/plain; charset=utf-8";
        await response.WriteAsync(text, response.HttpContext.RequestAborted);
    }

    /// <summary>RFC 7234 section 5.5, as kubectl prints it.</summary>
    /// <returns>False where the answer has had warnings enough, and this one is left out.</returns>
    public static bool Warn(this HttpResponse response, string text)
    {
        if (response.Headers["Warning"].Sum(told => told!.Length) > AllWarnings)
            return false;
        // A header has no control characters (RFC 9110, section 5.5).
        var shown = string.Concat(text.Take(LongestWarning).Select(c => char.IsControl(c) ? $"\\u{(int)c:x4}" : $"{c}"));
        response.Headers.Append("Warning", $"299 - \"{shown.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"");
        return true;
    }
}
