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

    public static async Task Json(this HttpResponse response, int code, ReadOnlyMemory<byte> body)
    {
        response.StatusCode = code;
        response.ContentType = "application/json";
        response.ContentLength = body.Length;
        await response.Body.WriteAsync(body, response.HttpContext.RequestAborted);
    }

    public static async Task Text(this HttpResponse response, int code, string text)
    {
        response.StatusCode = code;
        response.ContentType = "text/plain; charset=utf-8";
        await response.WriteAsync(text, response.HttpContext.RequestAborted);
    }

    /// <summary>RFC 7234 section 5.5, as kubectl prints it.</summary>
    public static void Warn(this HttpResponse response, string text) =>
        response.Headers.Append("Warning", $"299 - \"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"");
}
