using System.Text;
using Podnet.Core.Model;

namespace Podnet.Core.Rules;

/// <summary>The words of a line of iptables-save: blanks part them, double quotes hold them together, a backslash escapes.</summary>
internal static class RuleWords
{
    public static string Of(Protocol protocol) => protocol switch
    {
        Protocol.Tcp => "tcp",
        Protocol.Udp => "udp",
        _ => "sctp",
    };

    public static Protocol? ProtocolOf(string name) => name switch
    {
        "tcp" => Protocol.Tcp,
        "udp" => Protocol.Udp,
        "sctp" => Protocol.Sctp,
        _ => null,
    };

    /// <summary>As iptables prints strings (xtables_save_string in libxtables): quoted unless all is letters, digits, "_" and "-".</summary>
    public static string Quote(string word)
    {
        if (word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-'))
            return word;
        var text = new StringBuilder(word.Length + 2).Append('"');
        foreach (var c in word)
        {
            if (c is '"' or '\\' or '\'')
                text.Append('\\');
            text.Append(c);
        }

        return text.Append('"').ToString();
    }

    public static List<string> Split(ReadOnlySpan<char> line)
    {
        var words = new List<string>(24);
        var word = new StringBuilder();
        var (inWord, inQuotes) = (false, false);
        for (var i = 0; i < line.Length; i++)
        {
            var c = line[i];
            if (c == '\\' && i + 1 < line.Length)
            {
                word.Append(line[++i]);
                inWord = true;
            }
            else if (c == '"')
            {
                inQuotes = !inQuotes;
                inWord = true;
            }
            else if (char.IsWhiteSpace(c) && !inQuotes)
            {
                if (inWord)
                    words.Add(word.ToString());
                word.Clear();
                inWord = false;
            }
            else
            {
                word.Append(c);
                inWord = true;
            }
        }

        if (inWord)
            words.Add(word.ToString());
        return words;
    }

    /// <summary>Words as one text again; those that look like options stay bare.</summary>
    public static string Join(IEnumerable<string> words) =>
        string.Join(' ', words.Select(w => w.Length > 0 && !w.AsSpan().ContainsAny(" \t\"\\'") ? w : Quote(w)));
}
