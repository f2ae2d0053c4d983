using System.Globalization;
using System.Reflection;
using System.Text;

namespace Podnet.Local.ApiSchema;

/// <summary>A field of one of Kubernetes' types.</summary>
/// <param name="Number">In protobuf.</param>
/// <param name="Name">In JSON; empty where the fields of its type stand in its place (Go's ",inline").</param>
/// <param name="MergeKey">Strategic merge: the key by which a list's elements are merged, "" for a list of plain values that is
/// merged as a set; null where a list is replaced as a whole.</param>
/// <param name="MapKeys">Server-side apply: the keys that tell a list's elements apart; empty for a list without.</param>
/// <param name="IsSet">Server-side apply: each plain value of the list has an owner of its own.</param>
/// <param name="IsAtomic">Server-side apply: an object that is set as a whole.</param>
public sealed record FieldDefinition(
    int Number,
    string Name,
    FieldSchema Schema,
    bool IsRequired,
    string? MergeKey,
    IReadOnlyList<string> MapKeys,
    bool IsSet,
    bool IsAtomic);

/// <summary>
/// The types of kubernetes-types.tsv, an embedded file that tools/api-types writes from what Kubernetes publishes. A type's name
/// is short: "core.v1.Pod" is io.k8s.api.core.v1.Pod.
/// </summary>
internal static class TypeTable
{
    private static readonly Lazy<Dictionary<string, List<string>>> Types = new(Read);

    public static bool Knows(string type) => Types.Value.ContainsKey(type);

    /// <summary>The fields of an object type as they are in protobuf, in the order of their numbers.</summary>
    public static IReadOnlyList<FieldDefinition> Fields(string type)
    {
        var fields = new List<FieldDefinition>();
        foreach (var line in Types.Value[type])
        {
            var cells = line.Split('\t');
            var flags = cells[3].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            fields.Add(new(
                int.Parse(cells[0], CultureInfo.InvariantCulture),
                cells[1] == "*" ? "" : cells[1],
                FieldSchema.Of(cells[2]),
                flags.Contains("required"),
                flags.Contains("merge") ? "" : Value(flags, "merge="),
                Value(flags, "map=")?.Split(',') ?? [],
                flags.Contains("set"),
                flags.Contains("atomic")));
        }
        return fields;
    }

    /// <summary>What each type ("core.v1.Pod") and each field ("core.v1.Pod/spec") is, in Kubernetes' words. Read anew each time.</summary>
    public static Dictionary<string, string> Meanings()
    {
        var meanings = new Dictionary<string, string>(StringComparer.Ordinal);
        var type = "";
        foreach (var line in Lines())
        {
            var cells = line.Split('\t');
            if (cells[0].Length > 0)
                (type, meanings[cells[0]]) = (cells[0], cells.ElementAtOrDefault(1) ?? "");
            else
                meanings[$"{type}/{cells[2]}"] = cells.ElementAtOrDefault(5) ?? "";
        }
        return meanings;
    }

    private static string? Value(string[] flags, string prefix) =>
        Array.Find(flags, f => f.StartsWith(prefix, StringComparison.Ordinal))?[prefix.Length..];

    /// <summary>Of each type its fields' lines, without the meaning, which is most of the file.</summary>
    private static Dictionary<string, List<string>> Read()
    {
        var types = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        List<string> fields = [];
        foreach (var line in Lines())
        {
            if (line[0] != '\t')
            {
                types[line[..line.IndexOf('\t', StringComparison.Ordinal)]] = fields = [];
                continue;
            }
            var end = line.Length;
            for (var (tabs, i) = (0, 0); i < line.Length; i++)
            {
                if (line[i] == '\t' && ++tabs == 5)
                    end = i;
            }
            var text = line[1..end];
            fields.Add(text.Count(c => c == '\t') == 2 ? text + "\t" : text);
        }
        return types;
    }

    private static IEnumerable<string> Lines()
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("kubernetes-types.tsv")!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        while (reader.ReadLine() is { } line)
        {
            if (!line.StartsWith('#'))
                yield return line;
        }
    }
}
