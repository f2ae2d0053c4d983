using System.Text.RegularExpressions;

namespace Podnet.Local.ApiServer;

/// <summary>The forms of names, and Kubernetes' words where a name hasn't them (apimachinery util/validation).</summary>
/// <remarks>They end with \z: .NET's $ also stands before a line break at the end.</remarks>
internal static partial class NameRules
{
    public const int SubdomainLength = 253;
    public const int LabelLength = 63;

    [GeneratedRegex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\\z", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex SubdomainForm { get; }

    [GeneratedRegex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?\\z", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex LabelForm { get; }

    [GeneratedRegex("^[a-z]([-a-z0-9]*[a-z0-9])?\\z", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex ServiceForm { get; }

    [GeneratedRegex("^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\\z", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex QualifiedForm { get; }

    [GeneratedRegex("^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?\\z", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex LabelValueForm { get; }

    public static string? Subdomain(string name) => TooLong(name, SubdomainLength) ?? (SubdomainForm.IsMatch(name) ? null :
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end "
        + "with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')");

    public static string? Label(string name) => TooLong(name, LabelLength) ?? (LabelForm.IsMatch(name) ? null :
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
        + "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')");

    /// <summary>RFC 1035: no digit in front.</summary>
    public static string? ServiceName(string name) => TooLong(name, LabelLength) ?? (ServiceForm.IsMatch(name) ? null :
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end "
        + "with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')");

    /// <summary>The key of a label or an annotation: an optional DNS prefix, a slash, a name.</summary>
    public static string? QualifiedName(string key)
    {
        var slash = key.IndexOf('/', StringComparison.Ordinal);
        var (prefix, name) = slash < 0 ? (null, key) : (key[..slash], key[(slash + 1)..]);
        if (name.Contains('/', StringComparison.Ordinal))
            return QualifiedNameHint("a qualified name", " with an optional DNS subdomain prefix and '/'");
        if (prefix is { Length: 0 })
            return "prefix part must be non-empty";
        if (prefix is not null && Subdomain(prefix) is { } wrong)
            return "prefix part " + wrong;
        if (name.Length == 0)
            return "name part must be non-empty";
        if (name.Length > LabelLength)
            return "name part must be no more than 63 bytes";
        return QualifiedForm.IsMatch(name) ? null : QualifiedNameHint("name part", "");
    }

    [GeneratedRegex("^[-._a-zA-Z0-9]+\\z", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex DataKeyForm { get; }

    /// <summary>A key of a ConfigMap or a Secret, which becomes a file's name.</summary>
    public static string? DataKey(string key)
    {
        if (TooLong(key, SubdomainLength) is { } tooLong)
            return tooLong;
        if (!DataKeyForm.IsMatch(key))
            return "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', "
                + "regex used for validation is '[-._a-zA-Z0-9]+')";
        return key is "." or ".." ? $"must not be '{key}'" : key.StartsWith("..", StringComparison.Ordinal) ? "must not start with '..'" : null;
    }

    public static string? LabelValue(string value) => TooLong(value, LabelLength) ?? (LabelValueForm.IsMatch(value) ? null :
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
        + "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
        + "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')");

    private static string QualifiedNameHint(string what, string more) =>
        $"{what} must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
        + "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')" + more;

    private static string? TooLong(string text, int limit) => text.Length > limit ? $"must be no more than {limit} bytes" : null;
}
