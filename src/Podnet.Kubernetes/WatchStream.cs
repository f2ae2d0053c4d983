using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using k8s;
using k8s.Models;

namespace Podnet.Kubernetes;

internal enum WatchEventType
{
    Added,
    Modified,
    Deleted,

    /// <summary>Only says how far the stream has come: the resourceVersion from which to watch again.</summary>
    Bookmark,
}

/// <param name="Value">Null for a bookmark, and for an object that cannot be read.</param>
/// <param name="ResourceVersion">Null where the object could not be read so far.</param>
internal readonly record struct WatchEvent<T>(WatchEventType Type, T? Value, string? ResourceVersion, BrokenObject? Broken);

/// <summary>The body of a watch: {"type":"ADDED","object":{…}} a line.</summary>
internal sealed class WatchStream<T>(Stream body, Resource<T> resource) : IAsyncDisposable
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary>Bytes. Arbitrary; an object in etcd is at most 1.5 MiB, and its JSON not much longer than its protobuf.</summary>
    public const int LongestLine = 8 << 20;

    private readonly PipeReader _reader = PipeReader.Create(body, new StreamPipeReaderOptions(bufferSize: 1 << 16));

    /// <summary>
    /// The next event; null at the end of the stream. A last line without an end was cut off and is no event: what it would have
    /// said comes again with the next watch.
    /// </summary>
    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="ApiException">The server sent an ERROR event, or a line that is no event or is too long.</exception>
    public async ValueTask<WatchEvent<T>?> NextAsync(CancellationToken ct)
    {
        var searched = 0L; // Of a long line that comes in many pieces, each is looked at once.
        while (true)
        {
            var result = await _reader.ReadAsync(ct);
            var buffer = result.Buffer;
            if (buffer.Slice(searched).PositionOf((byte)'\n') is { } end)
            {
                var line = buffer.Slice(0, end);
                var next = line.IsEmpty ? (WatchEvent<T>?)null : Parse(line);
                _reader.AdvanceTo(buffer.GetPosition(1, end));
                if (next is not null)
                    return next;
                searched = 0;
                continue;
            }
            if (buffer.Length > LongestLine)
                throw Unreadable($"an event of more than {LongestLine} bytes");
            searched = buffer.Length;
            _reader.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted)
                return null;
        }
    }

    public ValueTask DisposeAsync() => _reader.CompleteAsync();

    private WatchEvent<T> Parse(ReadOnlySequence<byte> line)
    {
        var json = line.IsSingleSegment ? line.FirstSpan : line.ToArray();
        string? type = null;
        ReadOnlySpan<byte> value = default;
        try
        {
            var reader = new Utf8JsonReader(json);
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isType = reader.ValueTextEquals("type"u8);
                var isObject = reader.ValueTextEquals("object"u8);
                reader.Read();
                var start = (int)reader.TokenStartIndex;
                if (isType)
                    type = reader.GetString();
                reader.Skip();
                if (isObject)
                    value = json[start..(int)reader.BytesConsumed];
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Unreadable($"a line that is no event: {e.Message}");
        }
        return type switch
        {
            "ADDED" => Changed(WatchEventType.Added, value),
            "MODIFIED" => Changed(WatchEventType.Modified, value),
            "DELETED" => Changed(WatchEventType.Deleted, value),
            "BOOKMARK" => new(WatchEventType.Bookmark, null, VersionIn(value), null),
            "ERROR" => throw Error(value),
            _ => throw Unreadable($"an event of the unknown type \"{type}\""),
        };
    }

    private WatchEvent<T> Changed(WatchEventType type, ReadOnlySpan<byte> json) =>
        ObjectReader.TryRead(json, resource, out var value, out var broken)
            ? new(type, value, value.Metadata.ResourceVersion, null)
            : new(type, null, VersionIn(json), broken);

    /// <summary>metadata.resourceVersion, also of an object that the model cannot read.</summary>
    private static string? VersionIn(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            using var document = JsonDocument.ParseValue(ref reader);
            return document.RootElement.TryGetProperty("metadata", out var meta) && meta.TryGetProperty("resourceVersion", out var version)
                ? version.GetString()
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Unreadable($"an event whose object is no object: {e.Message}");
        }
    }

    private static ApiException Error(ReadOnlySpan<byte> json)
    {
        V1Status? status;
        try
        {
            status = JsonSerializer.Deserialize(json, SourceGenerationContext.Default.V1Status);
        }
        catch (JsonException e)
        {
            return Unreadable($"an ERROR event that cannot be read: {e.Message}");
        }
        return new(status?.Code ?? 500, status?.Reason ?? "Unknown", status?.Message ?? "the server ended the watch with an error", status);
    }

    private static ApiException Unreadable(string what) => new(200, "Unreadable", $"the server sent {what}");
}
