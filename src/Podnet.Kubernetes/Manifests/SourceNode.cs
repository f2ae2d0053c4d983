namespace Podnet.Kubernetes.Manifests;

/// <summary>Where in a file; both count from 1.</summary>
internal readonly record struct Position(int Line, int Column);

/// <summary>A value of a YAML or JSON file, and where it stands.</summary>
internal abstract class SourceNode(Position at)
{
    public Position At { get; } = at;

    /// <summary>For messages: what it is.</summary>
    public abstract string Noun { get; }
}

internal enum ScalarKind
{
    Null,
    Boolean,
    Integer,
    Float,
    Text,
}

/// <param name="text">In the form that JSON has for its kind.</param>
internal sealed class ScalarNode(ScalarKind kind, string text, Position at) : SourceNode(at)
{
    public ScalarKind Kind { get; } = kind;

    public string Text { get; } = text;

    public override string Noun => Kind switch
    {
        ScalarKind.Null => "null",
        ScalarKind.Boolean => $"{Text}, a boolean",
        ScalarKind.Integer or ScalarKind.Float => $"{Text}, a number",
        _ => $"\"{(Text.Length > 40 ? Text[..40] + "…" : Text).ReplaceLineEndings(" ")}\", a string",
    };
}

internal sealed class SequenceNode(List<SourceNode> items, Position at) : SourceNode(at)
{
    public List<SourceNode> Items { get; } = items;

    public override string Noun => "a list";
}

internal readonly record struct MappingEntry(string Key, Position At, SourceNode Value);

internal sealed class MappingNode(List<MappingEntry> entries, Position at) : SourceNode(at)
{
    public List<MappingEntry> Entries { get; } = entries;

    public override string Noun => "an object";

    public SourceNode? this[string key] => Entries.Find(entry => entry.Key == key).Value;
}
