using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;
using Podnet.Local.ApiSchema;

namespace Podnet.Local.ApiServer;

/// <summary>Bodies, checked once: after this an object has only known fields, of the right types.</summary>
internal static class RequestBody
{
    /// <summary>Bytes; Kubernetes' limit.</summary>
    public const int Limit = 3 * 1024 * 1024;

    /// <summary>As long as Kubernetes takes for a whole request (kube-apiserver --request-timeout).</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task<byte[]> ReadAsync(HttpContext http)
    {
        if (http.Request.ContentLength > Limit)
            throw StatusException.TooLarge(Limit);
        var share = new BodyBudget.Share(http.Response);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        late.CancelAfter(Patience);
        try
        {
            var body = await ReadAsync(http.Request.BodyReader, share, late.Token);
            await share.TakeTurnAsync(late.Token);
            return body;
        }
        catch (OperationCanceledException) when (!http.RequestAborted.IsCancellationRequested)
        {
            throw new StatusException(504, "Timeout", "Timeout: request did not complete within the allotted timeout");
        }
    }

    private static async Task<byte[]> ReadAsync(PipeReader reader, BodyBudget.Share share, CancellationToken cancel)
    {
        while (true)
        {
            var read = await reader.ReadAsync(cancel);
            share.Grow(read.Buffer.Length);
            if (read.Buffer.Length > Limit)
            {
                reader.AdvanceTo(read.Buffer.End);
                throw StatusException.TooLarge(Limit);
            }
            if (!read.IsCompleted)
            {
                reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                continue;
            }
            var body = read.Buffer.ToArray();
            reader.AdvanceTo(read.Buffer.End);
            return body;
        }
    }

    public static async Task<JsonObject> ReadJsonAsync(HttpContext http, string what)
    {
        var type = MediaType(http.Request);
        if (type is not ("" or "application/json"))
            throw StatusException.UnsupportedMediaType("application/json", "application/vnd.kubernetes.protobuf");
        return Parse(await ReadAsync(http), what);
    }

    /// <summary>An object as JSON or as Kubernetes' protobuf.</summary>
    public static async Task<JsonObject> ReadObjectAsync(HttpContext http, FieldSchema schema, string what)
    {
        if (MediaType(http.Request) != "application/vnd.kubernetes.protobuf")
            return await ReadJsonAsync(http, what);
        var body = await ReadAsync(http);
        return body.Length > 0 ? ParseProtobuf(body, schema, what) : throw Unrecognized(what, "the body is empty");
    }

    public static JsonObject ParseProtobuf(byte[] body, FieldSchema schema, string what)
    {
        try
        {
            return ProtobufReader.Read(body, schema, ObjectJson.MaxDepth);
        }
        catch (JsonException e)
        {
            throw Unrecognized(what, e.Message);
        }
    }

    private static StatusException Unrecognized(string what, string why) =>
        StatusException.BadRequest($"the object provided is unrecognized (must be of type {what}): {why}");

    public static string MediaType(HttpRequest request) => (request.ContentType ?? "").Split(';')[0].Trim().ToLowerInvariant();

    public static JsonObject Parse(byte[] body, string what)
    {
        CheckText(body);
        try
        {
            return ObjectJson.Parse(body);
        }
        catch (JsonException e)
        {
            throw Unrecognized(what, e.Message);
        }
    }

    /// <summary>What passes has texts that can be read and written again: UTF-8, and no half of a character in an escape (RFC 8259, section 8.2).</summary>
    public static void CheckText(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json))
            throw StatusException.BadRequest("the body of the request is not valid UTF-8");
        if (HasHalfSurrogatePair(json))
            throw StatusException.BadRequest("the body of the request has half a surrogate pair (\\ud800 to \\udfff), which is no character");
    }

    private static bool HasHalfSurrogatePair(ReadOnlySpan<byte> json)
    {
        while (json.IndexOf((byte)'\\') is var at and >= 0)
        {
            json = json[at..];
            if (!TryReadUnit(json, out var unit))
            {
                json = json[Math.Min(2, json.Length)..];
                continue;
            }
            json = json[UnitLength..];
            if (!char.IsSurrogate(unit))
                continue;
            if (char.IsLowSurrogate(unit) || !TryReadUnit(json, out var second) || !char.IsLowSurrogate(second))
                return true;
            json = json[UnitLength..];
        }
        return false;
    }

    /// <summary>Bytes of "\u1234".</summary>
    private const int UnitLength = 6;

    private static bool TryReadUnit(ReadOnlySpan<byte> json, out char unit)
    {
        ushort number = 0;
        var read = json.Length >= UnitLength && json[..2].SequenceEqual("\\u"u8)
            && ushort.TryParse(json[2..UnitLength], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number);
        unit = (char)number;
        return read;
    }

    /// <summary>Checks an object against its kind; sets apiVersion and kind, which a client may leave out.</summary>
    /// <returns>The paths of unknown fields, which are gone from the object.</returns>
    public static List<string> CheckObject(JsonObject o, ResourceDefinition resource)
    {
        var (version, kind) = (o.Text("apiVersion") ?? "", o.Text("kind") ?? "");
        if (version.Length > 0 && version != resource.ApiVersion)
        {
            throw StatusException.BadRequest(
                $"the API version in the data ({version}) does not match the expected API version ({resource.ApiVersion})");
        }
        if (kind.Length > 0 && kind != resource.Kind)
            throw StatusException.BadRequest($"{kind} in version \"{resource.Version}\" cannot be handled as a {resource.Kind}: the kind in the data does not match");
        o["apiVersion"] = resource.ApiVersion;
        o["kind"] = resource.Kind;
        return CheckFields(o, resource.Schema, resource.Kind, resource.Version);
    }

    /// <inheritdoc cref="CheckObject"/>
    public static List<string> CheckFields(JsonObject o, FieldSchema schema, string kind, string version)
    {
        var unknown = new List<string>();
        try
        {
            schema.Normalize(o, unknown);
        }
        catch (JsonException e)
        {
            throw StatusException.BadRequest($"{kind} in version \"{version}\" cannot be handled as a {kind}: {e.Message}");
        }
        return unknown;
    }
}

/// <summary>What a write does about unknown fields (the parameter fieldValidation).</summary>
internal enum FieldValidation
{
    Warn,
    Ignore,
    Strict,
}

internal static class FieldValidationExtensions
{
    public static FieldValidation FieldValidation(this HttpContext http) => http.Request.Query["fieldValidation"].ToString() switch
    {
        "" or "Warn" => ApiServer.FieldValidation.Warn,
        "Ignore" => ApiServer.FieldValidation.Ignore,
        "Strict" => ApiServer.FieldValidation.Strict,
        var other => throw StatusException.BadRequest(
            $"fieldValidation: Unsupported value: \"{other}\": supported values: \"\", \"Ignore\", \"Strict\", \"Warn\""),
    };

    /// <exception cref="StatusException">400 where the client wants it strict.</exception>
    public static void ReportUnknown(this HttpContext http, ResourceDefinition resource, List<string> unknown)
    {
        if (unknown.Count == 0)
            return;
        switch (http.FieldValidation())
        {
            case ApiServer.FieldValidation.Strict:
                // As many as Kubernetes' decoder tells (sigs.k8s.io/json).
                var all = string.Join(", ", unknown.Take(100).Select(u => $"unknown field \"{u}\""));
                throw StatusException.BadRequest(
                    $"{resource.Kind} in version \"{resource.Version}\" cannot be handled as a {resource.Kind}: strict decoding error: {all}");
            case ApiServer.FieldValidation.Warn:
                foreach (var path in unknown)
                {
                    if (!http.Response.Warn($"unknown field \"{path}\""))
                        break;
                }
                break;
        }
    }
}
