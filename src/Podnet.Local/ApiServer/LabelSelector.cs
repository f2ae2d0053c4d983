namespace Podnet.Local.ApiServer;

/// <summary>
/// A labelSelector: comma-separated "key", "!key", "key=value", "key==value", "key!=value", "key in (a, b)", "key notin (a, b)"
/// (apimachinery labels.Parse).
/// </summary>
internal sealed class LabelSelector
{
    public static readonly LabelSelector Everything = new([]);
    private readonly List<Term> _terms;

    private LabelSelector(List<Term> terms) => _terms = terms;

    /// <param name="Values">Null where only the key's presence counts.</param>
    /// <param name="Wanted">False for the negated forms, which a missing key satisfies.</param>
    private sealed record Term(string Key, HashSet<string>? Values, bool Wanted);

    /// <exception cref="StatusException">400.</exception>
    public static LabelSelector Parse(string? text)
    {
        if (string.IsNullOrWhiteSpace(text))
            return Everything;
        var terms = new List<Term>();
        foreach (var term in SplitOutsideParentheses(text))
            terms.Add(ParseTerm(term.Trim(), text));
        return new(terms);
    }

    public bool Matches(IReadOnlyDictionary<string, string> labels)
    {
        foreach (var term in _terms)
        {
            var there = labels.TryGetValue(term.Key, out var value);
            var matches = there && (term.Values is null || term.Values.Contains(value!));
            if (matches != term.Wanted)
                return false;
        }
        return true;
    }

    private static Term ParseTerm(string term, string whole)
    {
        if (term.StartsWith('!'))
            return new(Key(term[1..].Trim(), whole), null, Wanted: false);
        var open = term.IndexOf('(', StringComparison.Ordinal);
        if (open >= 0)
        {
            var words = term[..open].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words is not [var key, "in" or "notin"] || !term.EndsWith(')'))
                throw Wrong(whole, term);
            var values = term[(open + 1)..^1].Split(',').Select(v => Value(v.Trim(), whole)).ToHashSet(StringComparer.Ordinal);
            return new(Key(key, whole), values, words[1] == "in");
        }
        foreach (var (symbol, wanted) in (ReadOnlySpan<(string, bool)>)[("!=", false), ("==", true), ("=", true)])
        {
            var at = term.IndexOf(symbol, StringComparison.Ordinal);
            if (at >= 0)
                return new(Key(term[..at].Trim(), whole), [Value(term[(at + symbol.Length)..].Trim(), whole)], wanted);
        }
        return new(Key(term, whole), null, Wanted: true);
    }

    private static string Key(string key, string whole) => NameRules.QualifiedName(key) is null ? key : throw Wrong(whole, key);

    private static string Value(string value, string whole) => NameRules.LabelValue(value) is null ? value : throw Wrong(whole, value);

    private static StatusException Wrong(string whole, string part) =>
        StatusException.BadRequest($"unable to parse requirement: found '{part}' in selector \"{whole}\"");

    private static IEnumerable<string> SplitOutsideParentheses(string text)
    {
        var (start, depth) = (0, 0);
        for (var i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '(':
                    depth++;
                    break;
                case ')':
                    depth--;
                    break;
                case ',' when depth == 0:
                    yield return text[start..i];
                    start = i + 1;
                    break;
            }
        }
        yield return text[start..];
    }
}
