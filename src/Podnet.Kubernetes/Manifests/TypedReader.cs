using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using k8s.Models;

namespace Podnet.Kubernetes.Manifests;

/// <summary>
/// A value of a file → an object of a type, strictly: the first field that the type does not have, or that is not of its type,
/// is an error that says where it stands. The type's own JSON contract is the schema.
/// </summary>
/// <param name="kind">For messages: whose fields these are.</param>
/// <param name="budget">Bytes of JSON at most; aliases of aliases can make a short file endless.</param>
internal sealed class TypedReader(string file, string kind, long budget)
{
    private static readonly ConcurrentDictionary<Type, Dictionary<string, Type>> Fields = new();

    private readonly ArrayBufferWriter<byte> _json = new();
    private readonly List<string> _path = [];
    private Utf8JsonWriter _writer = null!;

    /// <summary>How many bytes of JSON it became.</summary>
    public long Written => _json.WrittenCount;

    /// <exception cref="ManifestException">A field is wrong.</exception>
    public object Read(SourceNode root, JsonTypeInfo type)
    {
        using (_writer = new Utf8JsonWriter(_json, new JsonWriterOptions { SkipValidation = true }))
            Write(root, type);
        return Deserialize(_json.WrittenSpan, type, root.At);
    }

    private void Write(SourceNode node, JsonTypeInfo type)
    {
        if (_writer.BytesCommitted + _writer.BytesPending > budget)
            throw Error(node.At, "its aliases make it too large");
        switch (type.Kind)
        {
            case JsonTypeInfoKind.Object:
                WriteObject(node as MappingNode ?? throw Mismatch(node, "an object"), type);
                break;
            case JsonTypeInfoKind.Dictionary:
                WriteDictionary(node as MappingNode ?? throw Mismatch(node, "an object"), type);
                break;
            case JsonTypeInfoKind.Enumerable:
                WriteList(node as SequenceNode ?? throw Mismatch(node, "a list"), type);
                break;
            default:
                WriteScalar(node, type);
                break;
        }
    }

    private void WriteObject(MappingNode node, JsonTypeInfo type)
    {
        var fields = Fields.GetOrAdd(type.Type, static (_, info) => info.Properties.ToDictionary(p => p.Name, p => p.PropertyType), type);
        _writer.WriteStartObject();
        foreach (var (key, at, value) in node.Entries)
        {
            _path.Add(key);
            if (!fields.TryGetValue(key, out var field))
                throw Error(at, $"unknown field of {kind}{Suggestion.Among(fields.Keys, key)}");
            WriteEntry(key, value, type.Options.GetTypeInfo(field));
            _path.RemoveAt(_path.Count - 1);
        }
        _writer.WriteEndObject();
    }

    private void WriteDictionary(MappingNode node, JsonTypeInfo type)
    {
        var element = type.Options.GetTypeInfo(type.ElementType!);
        _writer.WriteStartObject();
        foreach (var (key, _, value) in node.Entries)
        {
            _path.Add($"[{key}]");
            WriteEntry(key, value, element);
            _path.RemoveAt(_path.Count - 1);
        }
        _writer.WriteEndObject();
    }

    /// <summary>A field that is null is one that is not there, as for Kubernetes.</summary>
    private void WriteEntry(string key, SourceNode value, JsonTypeInfo type)
    {
        if (value is ScalarNode { Kind: ScalarKind.Null })
            return;
        _writer.WritePropertyName(key);
        Write(value, type);
    }

    private void WriteList(SequenceNode node, JsonTypeInfo type)
    {
        var element = type.Options.GetTypeInfo(type.ElementType!);
        _writer.WriteStartArray();
        for (var i = 0; i < node.Items.Count; i++)
        {
            _path.Add($"[{i}]");
            if (node.Items[i] is ScalarNode { Kind: ScalarKind.Null })
                throw Error(node.Items[i].At, "is null");
            Write(node.Items[i], element);
            _path.RemoveAt(_path.Count - 1);
        }
        _writer.WriteEndArray();
    }

    private void WriteScalar(SourceNode node, JsonTypeInfo info)
    {
        var type = Nullable.GetUnderlyingType(info.Type) ?? info.Type;
        if (type == typeof(object))
            WriteAnything(node);
        else if (node is not ScalarNode scalar)
            throw Mismatch(node, Expected(type));
        else if (type == typeof(bool))
            _writer.WriteBooleanValue(scalar.Kind == ScalarKind.Boolean ? scalar.Text == "true" : throw Mismatch(scalar, Expected(type)));
        else if (type == typeof(int) || type == typeof(long))
            WriteInteger(scalar, type);
        else if (type == typeof(double) && scalar.Kind is ScalarKind.Integer or ScalarKind.Float)
            _writer.WriteRawValue(scalar.Text);
        else if (type == typeof(IntOrString) && scalar.Kind == ScalarKind.Integer)
            WriteInteger(scalar, typeof(int));
        else if (type == typeof(ResourceQuantity) && scalar.Kind is ScalarKind.Integer or ScalarKind.Float)
            WriteChecked(scalar, info);
        else if (scalar.Kind != ScalarKind.Text || type == typeof(double))
            throw Mismatch(scalar, Expected(type));
        else if (type == typeof(string) || type == typeof(IntOrString))
            _writer.WriteStringValue(scalar.Text);
        else
            WriteChecked(scalar, info);
    }

    private void WriteInteger(ScalarNode scalar, Type type)
    {
        var smallest = type == typeof(int) ? int.MinValue : long.MinValue;
        var largest = type == typeof(int) ? int.MaxValue : long.MaxValue;
        if (scalar.Kind != ScalarKind.Integer)
            throw Mismatch(scalar, Expected(type));
        if (!long.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) || number < smallest || number > largest)
            throw Error(scalar.At, $"{scalar.Text} is not in {smallest} to {largest}");
        _writer.WriteNumberValue(number);
    }

    /// <summary>A string with a form of its own: a time, a quantity, base64.</summary>
    private void WriteChecked(ScalarNode scalar, JsonTypeInfo info)
    {
        var text = JsonSerializer.SerializeToUtf8Bytes(scalar.Text, k8s.SourceGenerationContext.Default.String);
        Deserialize(text, info, scalar.At, $"{scalar.Noun}, is not {Expected(Nullable.GetUnderlyingType(info.Type) ?? info.Type)}");
        _writer.WriteRawValue(text);
    }

    private void WriteAnything(SourceNode node)
    {
        switch (node)
        {
            case MappingNode mapping:
                _writer.WriteStartObject();
                foreach (var (key, _, value) in mapping.Entries)
                {
                    _writer.WritePropertyName(key);
                    WriteAnything(value);
                }
                _writer.WriteEndObject();
                break;
            case SequenceNode sequence:
                _writer.WriteStartArray();
                sequence.Items.ForEach(WriteAnything);
                _writer.WriteEndArray();
                break;
            case ScalarNode { Kind: ScalarKind.Text } text:
                _writer.WriteStringValue(text.Text);
                break;
            case ScalarNode { Kind: ScalarKind.Null }:
                _writer.WriteNullValue();
                break;
            case ScalarNode scalar:
                _writer.WriteRawValue(scalar.Text);
                break;
        }
        if (_writer.BytesCommitted + _writer.BytesPending > budget)
            throw Error(node.At, "its aliases make it too large");
    }

    private object Deserialize(ReadOnlySpan<byte> json, JsonTypeInfo type, Position at, string? message = null)
    {
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw Error(at, "is null");
        }
        // The converters of the model's own types throw the last three bare.
        catch (Exception e) when (e is JsonException or FormatException or ArgumentException or OverflowException)
        {
            throw Error(at, message ?? e.Message);
        }
    }

    private static string Expected(Type type) => type switch
    {
        _ when type == typeof(bool) => "true or false",
        _ when type == typeof(int) || type == typeof(long) => "an integer",
        _ when type == typeof(double) => "a number",
        _ when type == typeof(IntOrString) => "an integer or a string",
        _ when type == typeof(ResourceQuantity) => "a quantity such as 100m or 64Mi",
        _ when type == typeof(DateTime) || type == typeof(DateTimeOffset) => "a time such as 2026-01-31T12:00:00Z",
        _ when type == typeof(byte[]) => "base64",
        _ => "a string",
    };

    private ManifestException Mismatch(SourceNode node, string expected)
    {
        var hint = expected == "a string" && node is ScalarNode { Kind: not ScalarKind.Null } ? ": put it in quotes" : "";
        return Error(node.At, $"is {node.Noun}, not {expected}{hint}");
    }

    private ManifestException Error(Position at, string message)
    {
        var path = string.Concat(_path.Select((part, i) => i == 0 || part[0] == '[' ? part : $".{part}"));
        return new(file, at, path.Length == 0 ? message : $"{path}: {message}");
    }
}
