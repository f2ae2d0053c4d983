using System.Text.Json;
using k8s;
using k8s.Models;

namespace Podnet.Kubernetes;

/// <summary>What a list says beside its items.</summary>
/// <param name="ResourceVersion">Where a watch goes on from.</param>
/// <param name="Continue">What asks for the next page; null on the last one.</param>
internal readonly record struct ListEnd(string ResourceVersion, string? Continue);

/// <summary>
/// Reads {"metadata":{"resourceVersion":…,"continue":…},"items":[…]} item by item as the bytes come in: there is never more than
/// one object in memory, and one that cannot be read does not lose the others.
/// </summary>
internal sealed class ListStream<T>(Resource<T> resource, Action<T> found, Action<BrokenObject> broken)
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary>Bytes; most objects are smaller, and the buffer grows for one that is not.</summary>
    private const int UsualRead = 64 << 10;

    private byte[] _buffer = new byte[UsualRead];
    private int _length; // Of what is in the buffer and not consumed; it begins at 0.
    private JsonReaderState _state;
    private Place _place;
    private int _index;
    private string? _version;
    private string? _next;

    private enum Place
    {
        Before,
        InList,
        InItems,
        After,
    }

    /// <exception cref="JsonException">It is no list, or ends too early.</exception>
    public async Task<ListEnd> ReadAsync(Stream body, CancellationToken ct)
    {
        int read;
        do
        {
            if (_length == _buffer.Length)
                Grow();
            read = await body.ReadAsync(_buffer.AsMemory(_length), ct);
            _length += read;
            Consume(isLast: read == 0);
        }
        while (read > 0);
        return string.IsNullOrEmpty(_version)
            ? throw new JsonException("a list without metadata.resourceVersion")
            : new(_version, string.IsNullOrEmpty(_next) ? null : _next);
    }

    /// <summary>As many whole steps as there are bytes for; the rest waits at the front of the buffer.</summary>
    private void Consume(bool isLast)
    {
        var reader = new Utf8JsonReader(_buffer.AsSpan(0, _length), isLast, _state);
        var done = 0;
        while (_place != Place.After)
        {
            var step = reader;
            if (!TryStep(ref step))
                break;
            reader = step;
            done = (int)reader.BytesConsumed;
            _state = reader.CurrentState;
        }
        if (_place == Place.After)
            done = _length;
        _buffer.AsSpan(done, _length - done).CopyTo(_buffer);
        _length -= done;
    }

    private bool TryStep(ref Utf8JsonReader reader)
    {
        if (!reader.Read())
            return false;
        switch (_place)
        {
            case Place.Before:
                if (reader.TokenType != JsonTokenType.StartObject)
                    throw new JsonException("not a JSON object");
                _place = Place.InList;
                return true;
            case Place.InList when reader.TokenType == JsonTokenType.EndObject:
                _place = Place.After;
                return true;
            case Place.InList:
                return TryReadProperty(ref reader);
            default:
                return TryReadItem(ref reader);
        }
    }

    private bool TryReadProperty(ref Utf8JsonReader reader)
    {
        var (isMeta, isItems) = (reader.ValueTextEquals("metadata"u8), reader.ValueTextEquals("items"u8));
        if (!reader.Read())
            return false;
        if (isItems && reader.TokenType == JsonTokenType.StartArray)
        {
            _place = Place.InItems;
            return true;
        }
        if (isItems && reader.TokenType != JsonTokenType.Null) // Go writes an empty slice so.
            throw new JsonException("items is not an array");
        var start = (int)reader.TokenStartIndex;
        if (!reader.TrySkip())
            return false;
        if (isMeta)
        {
            var json = _buffer.AsSpan(start, (int)reader.BytesConsumed - start);
            var meta = JsonSerializer.Deserialize(json, SourceGenerationContext.Default.V1ListMeta);
            (_version, _next) = (meta?.ResourceVersion, meta?.ContinueProperty);
        }
        return true;
    }

    private bool TryReadItem(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.EndArray)
        {
            _place = Place.InList;
            return true;
        }
        var start = (int)reader.TokenStartIndex;
        if (!reader.TrySkip())
            return false;
        var json = _buffer.AsSpan(start, (int)reader.BytesConsumed - start);
        if (ObjectReader.TryRead(json, resource, out var value, out var error))
            found(value);
        else
            broken(error.Name.Name.Length > 0 ? error : error with { Name = new(error.Name.Namespace, $"items[{_index}]") });
        _index++;
        return true;
    }

    private void Grow()
    {
        if (_buffer.Length >= WatchStream<T>.LongestLine)
            throw new JsonException($"an object of more than {WatchStream<T>.LongestLine} bytes");
        Array.Resize(ref _buffer, _buffer.Length * 2);
    }
}
