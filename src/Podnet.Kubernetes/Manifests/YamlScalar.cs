using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;

namespace Podnet.Kubernetes.Manifests;

/// <summary>
/// What a plain (unquoted) scalar is to Kubernetes, whose YAML is go-yaml version 2: YAML 1.1's booleans (yes, no, on, off, y, n),
/// octal integers with a leading 0, underscores in numbers; timestamps stay strings. sigs.k8s.io/yaml, goyaml.v2/resolve.go.
/// </summary>
internal static partial class YamlScalar
{
    public static ScalarNode Resolve(string text, Position at)
    {
        switch (text)
        {
            case "" or "~" or "null" or "Null" or "NULL":
                return new(ScalarKind.Null, "", at);
            case "true" or "True" or "TRUE" or "yes" or "Yes" or "YES" or "on" or "On" or "ON" or "y" or "Y":
                return new(ScalarKind.Boolean, "true", at);
            case "false" or "False" or "FALSE" or "no" or "No" or "NO" or "off" or "Off" or "OFF" or "n" or "N":
                return new(ScalarKind.Boolean, "false", at);
        }
        if (!char.IsAsciiDigit(text[0]) && text[0] is not ('+' or '-' or '.'))
            return new(ScalarKind.Text, text, at);
        var digits = text.Replace("_", "", StringComparison.Ordinal);
        if (TryInteger(digits) is { } integer)
            return new(ScalarKind.Integer, integer.ToString(CultureInfo.InvariantCulture), at);
        return FloatForm().IsMatch(digits) && double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? new(ScalarKind.Float, number.ToString("R", CultureInfo.InvariantCulture), at)
            : new(ScalarKind.Text, text, at);
    }

    /// <summary>Null for no integer of 64 bits.</summary>
    private static BigInteger? TryInteger(string text)
    {
        var negative = text[0] == '-';
        var digits = text[0] is '-' or '+' ? text[1..] : text;
        if (digits.Length is 0 or > 66)
            return null;
        var (radix, rest) = digits switch
        {
            ['0', 'x' or 'X', ..] => (16, digits[2..]),
            ['0', 'o', ..] => (8, digits[2..]),
            ['0', 'b', ..] => (2, digits[2..]),
            ['0', _, ..] => (8, digits[1..]),
            _ => (10, digits),
        };
        if (rest.Length == 0)
            return null;
        var value = BigInteger.Zero;
        foreach (var c in rest)
        {
            if (!char.IsAsciiHexDigit(c) || System.Convert.ToInt32(c.ToString(), 16) is var digit && digit >= radix)
                return null;
            value = value * radix + digit;
        }
        if (negative)
            value = -value;
        return value >= long.MinValue && value <= ulong.MaxValue ? value : null;
    }

    [GeneratedRegex(@"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex FloatForm();
}
