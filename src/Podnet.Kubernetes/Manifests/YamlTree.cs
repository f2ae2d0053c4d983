using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Podnet.Kubernetes.Manifests;

/// <summary>YAML text → the values of its documents. An alias gives the very node of its anchor, so nothing multiplies here.</summary>
internal sealed class YamlTree
{
    /// <summary>Arbitrary; the deepest field of a Pod is at about 15.</summary>
    private const int DeepestNesting = 100;

    private readonly string _file;
    private readonly Parser _parser;
    private readonly Dictionary<AnchorName, SourceNode> _anchors = [];
    private int _depth;

    private YamlTree(string text, string file)
    {
        _file = file;
        _parser = new Parser(new StringReader(text));
    }

    /// <summary>One per document; empty documents ("---" alone) are left out.</summary>
    /// <exception cref="ManifestException">It is not YAML.</exception>
    public static List<SourceNode> Parse(string text, string file)
    {
        try
        {
            return new YamlTree(text, file).ReadStream();
        }
        catch (YamlException e)
        {
            // The parser's own words for the most common slip of all would help nobody.
            throw IndentingTab(text) is { } tab
                ? new ManifestException(file, tab, "not YAML: a tab where only spaces may indent", e)
                // Start is where the construct began; the fault is where it could not go on.
                : new ManifestException(file, At(e.End), $"not YAML: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    private static Position? IndentingTab(string text)
    {
        var line = 1;
        foreach (var content in text.AsSpan().EnumerateLines())
        {
            var indent = content[..^content.TrimStart().Length];
            if (indent.IndexOf('\t') is >= 0 and var column)
                return new(line, column + 1);
            line++;
        }
        return null;
    }

    private List<SourceNode> ReadStream()
    {
        List<SourceNode> documents = [];
        Take<StreamStart>();
        while (_parser.Current is not StreamEnd)
        {
            Take<DocumentStart>();
            _anchors.Clear();
            var root = ReadNode();
            Take<DocumentEnd>();
            if (root is not ScalarNode { Kind: ScalarKind.Null })
                documents.Add(root);
        }
        return documents;
    }

    private SourceNode ReadNode()
    {
        switch (_parser.Current)
        {
            case null:
                _parser.MoveNext();
                return ReadNode();
            case AnchorAlias alias:
                _parser.MoveNext();
                return _anchors.TryGetValue(alias.Value, out var known)
                    ? known
                    : throw Error(alias, $"*{alias.Value} is an alias of nothing before it");
            case Scalar scalar:
                _parser.MoveNext();
                return Anchored(scalar, ReadScalar(scalar));
            case SequenceStart start:
                return Anchored(start, Nested(start, ReadSequence));
            case MappingStart start:
                return Anchored(start, Nested(start, ReadMapping));
            default:
                throw Error(_parser.Current, $"unexpected {_parser.Current}");
        }
    }

    private ScalarNode ReadScalar(Scalar scalar)
    {
        var tag = scalar.Tag.IsEmpty ? "" : scalar.Tag.Value;
        if (tag is not ("" or "!" or "tag:yaml.org,2002:str"))
            throw Error(scalar, $"the tag {tag} means nothing to Kubernetes");
        return tag.Length == 0 && scalar.Style == ScalarStyle.Plain
            ? YamlScalar.Resolve(scalar.Value, At(scalar.Start))
            : new(ScalarKind.Text, scalar.Value, At(scalar.Start));
    }

    private SequenceNode ReadSequence(SequenceStart start)
    {
        List<SourceNode> items = [];
        while (_parser.Current is not SequenceEnd)
            items.Add(ReadNode());
        _parser.MoveNext();
        return new(items, At(start.Start));
    }

    private MappingNode ReadMapping(MappingStart start)
    {
        List<MappingEntry> entries = [];
        HashSet<string> keys = [];
        List<(Position At, SourceNode From)> merges = [];
        while (_parser.Current is not MappingEnd)
        {
            if (_parser.Current is not Scalar key)
                throw Error(_parser.Current!, "a key must be a string");
            _parser.MoveNext();
            var at = At(key.Start);
            var value = ReadNode();
            if (key is { Value: "<<", Style: ScalarStyle.Plain })
                merges.Add((at, value));
            else if (keys.Add(key.Value))
                entries.Add(new(key.Value, at, value));
            else
                throw Error(key, $"the key {key.Value} is there twice");
        }
        _parser.MoveNext();
        foreach (var (at, from) in merges)
            Merge(entries, keys, at, from);
        return new(entries, At(start.Start));
    }

    /// <summary>"&lt;&lt;: *defaults": its keys, where they are not given. https://yaml.org/type/merge.html</summary>
    private void Merge(List<MappingEntry> entries, HashSet<string> keys, Position at, SourceNode from)
    {
        foreach (var source in from is SequenceNode many ? many.Items : [from])
        {
            if (source is not MappingNode mapping)
                throw new ManifestException(_file, at, "<< takes an object, or a list of them");
            entries.AddRange(mapping.Entries.Where(entry => keys.Add(entry.Key)));
        }
    }

    private TNode Nested<TStart, TNode>(TStart start, Func<TStart, TNode> read)
        where TStart : NodeEvent
    {
        if (++_depth > DeepestNesting)
            throw Error(start, $"nested deeper than {DeepestNesting}");
        _parser.MoveNext();
        var node = read(start);
        _depth--;
        return node;
    }

    private SourceNode Anchored(NodeEvent start, SourceNode node)
    {
        if (!start.Anchor.IsEmpty)
            _anchors[start.Anchor] = node;
        return node;
    }

    private void Take<T>()
        where T : ParsingEvent
    {
        if (_parser.Current is null)
            _parser.MoveNext();
        if (_parser.Current is not T)
            throw Error(_parser.Current!, $"unexpected {_parser.Current}");
        _parser.MoveNext();
    }

    private ManifestException Error(ParsingEvent e, string message) => new(_file, At(e.Start), message);

    private static Position At(Mark mark) => new((int)mark.Line, (int)mark.Column);
}
