using System.Text;
using System.Text.Json;

namespace Podnet.Kubernetes.Manifests;

/// <summary>JSON text → its values. Several documents may follow each other.</summary>
internal ref struct JsonTree
{
    private static readonly JsonReaderOptions Options = new() { AllowMultipleValues = true, MaxDepth = 100 };

    private readonly ReadOnlySpan<byte> _json;
    private readonly string _file;
    private Utf8JsonReader _reader;
    private int _line;
    private int _lineStart;
    private int _counted;

    private JsonTree(ReadOnlySpan<byte> json, string file)
    {
        _json = json;
        _file = file;
        _reader = new(json, Options);
        _line = 1;
    }

    /// <exception cref="ManifestException">It is not JSON.</exception>
    public static List<SourceNode> Parse(string text, string file)
    {
        try
        {
            var tree = new JsonTree(Encoding.UTF8.GetBytes(text), file);
            List<SourceNode> documents = [];
            while (tree._reader.Read())
                documents.Add(tree.ReadNode());
            return documents;
        }
        catch (JsonException e)
        {
            var at = new Position((int)(e.LineNumber ?? 0) + 1, (int)(e.BytePositionInLine ?? 0) + 1);
            // The place, counted from 0, is part of the message, too.
            var end = e.Message.IndexOf(" LineNumber", StringComparison.Ordinal);
            throw new ManifestException(file, at, $"not JSON: {(end < 0 ? e.Message : e.Message[..end])}", e);
        }
    }

    private SourceNode ReadNode()
    {
        var at = Here();
        switch (_reader.TokenType)
        {
            case JsonTokenType.StartArray:
                List<SourceNode> items = [];
                while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
                    items.Add(ReadNode());
                return new SequenceNode(items, at);
            case JsonTokenType.StartObject:
                return ReadMapping(at);
            case JsonTokenType.Null:
                return new ScalarNode(ScalarKind.Null, "", at);
            case JsonTokenType.True:
                return new ScalarNode(ScalarKind.Boolean, "true", at);
            case JsonTokenType.False:
                return new ScalarNode(ScalarKind.Boolean, "false", at);
            case JsonTokenType.Number:
                var number = Encoding.ASCII.GetString(_reader.ValueSpan);
                return new ScalarNode(number.AsSpan().IndexOfAny('.', 'e', 'E') < 0 ? ScalarKind.Integer : ScalarKind.Float, number, at);
            default:
                return new ScalarNode(ScalarKind.Text, Text(at), at);
        }
    }

    private MappingNode ReadMapping(Position start)
    {
        List<MappingEntry> entries = [];
        HashSet<string> keys = [];
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndObject)
        {
            var at = Here();
            var key = Text(at);
            if (!keys.Add(key))
                throw new ManifestException(_file, at, $"the key {key} is there twice");
            _reader.Read();
            entries.Add(new(key, at, ReadNode()));
        }
        return new(entries, start);
    }

    private readonly string Text(Position at)
    {
        try
        {
            return _reader.GetString()!;
        }
        catch (InvalidOperationException e) // A lone half of a surrogate pair.
        {
            throw new ManifestException(_file, at, $"not JSON: {e.Message}", e);
        }
    }

    private Position Here()
    {
        var start = (int)_reader.TokenStartIndex;
        for (; _counted < start; _counted++)
        {
            if (_json[_counted] == '\n')
            {
                _line++;
                _lineStart = _counted + 1;
            }
        }
        return new(_line, start - _lineStart + 1);
    }
}
