namespace Podnet.Local.ApiServer;

/// <summary>Which objects a list or a watch is about.</summary>
/// <param name="Namespace">Empty for all.</param>
internal sealed record ObjectFilter(string Namespace, LabelSelector Labels, FieldSelector Fields)
{
    public static readonly ObjectFilter All = new("", LabelSelector.Everything, FieldSelector.Everything);

    public bool Matches(StoredObject candidate) =>
        (Namespace.Length == 0 || candidate.Name.Namespace == Namespace) && Labels.Matches(candidate.Labels) && Fields.Matches(candidate);
}

/// <summary>
/// A fieldSelector: comma-separated "path=value", "path==value" or "path!=value", with backslash before a comma, an equals sign or
/// a backslash in a value.
/// </summary>
internal sealed class FieldSelector
{
    public static readonly FieldSelector Everything = new([]);
    private readonly List<(string Path, string Value, bool Equal)> _terms;

    private FieldSelector(List<(string Path, string Value, bool Equal)> terms) => _terms = terms;

    /// <exception cref="StatusException">400.</exception>
    public static FieldSelector Parse(string? text, ResourceDefinition resource)
    {
        if (string.IsNullOrEmpty(text))
            return Everything;
        var terms = new List<(string, string, bool)>();
        foreach (var term in SplitUnescaped(text))
        {
            if (term.Length == 0)
                continue;
            var at = IndexOfOperator(term);
            if (at <= 0)
                throw StatusException.BadRequest($"invalid selector: '{text}'; can't understand '{term}'");
            var equal = term[at] != '!';
            var width = term.AsSpan(at).StartsWith("==") || !equal ? 2 : 1;
            var path = term[..at];
            if (path is not ("metadata.name" or "metadata.namespace") && !resource.Rules.SelectableFields.Contains(path))
                throw StatusException.BadRequest(resource.Group.Length == 0
                    ? $"field label not supported: {path}"
                    : $"\"{path}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"");
            terms.Add((path, Unescape(term[(at + width)..]), equal));
        }
        return new(terms);
    }

    public bool Matches(StoredObject candidate)
    {
        foreach (var (path, value, equal) in _terms)
        {
            var actual = path switch
            {
                "metadata.name" => candidate.Name.Name,
                "metadata.namespace" => candidate.Name.Namespace,
                _ => candidate.Fields.GetValueOrDefault(path, ""),
            };
            if ((actual == value) != equal)
                return false;
        }
        return true;
    }

    /// <summary>The name that every match has; null where several may match.</summary>
    public string? SingleName => _terms.Find(t => t is { Path: "metadata.name", Equal: true }).Value;

    private static int IndexOfOperator(string term)
    {
        var at = term.IndexOf('=', StringComparison.Ordinal);
        return at > 0 && term[at - 1] == '!' ? at - 1 : at;
    }

    private static IEnumerable<string> SplitUnescaped(string text)
    {
        var start = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\')
                i++;
            else if (text[i] == ',')
            {
                yield return text[start..i];
                start = i + 1;
            }
        }
        yield return text[start..];
    }

    private static string Unescape(string value) =>
        value.Replace("\\,", ",", StringComparison.Ordinal).Replace("\\=", "=", StringComparison.Ordinal).Replace("\\\\", "\\", StringComparison.Ordinal);
}
