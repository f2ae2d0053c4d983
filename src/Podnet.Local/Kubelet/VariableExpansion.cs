using System.Text;

namespace Podnet.Local.Kubelet;

/// <summary>
/// $(NAME) in a container's command, args and env, as k8s.io/kubernetes/third_party/forked/golang/expansion has it: $$ is a
/// dollar, and a reference to an unknown variable stays as it is written.
/// </summary>
internal static class VariableExpansion
{
    public static string Expand(string text, IReadOnlyDictionary<string, string> variables)
    {
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '$' || i + 1 == text.Length)
            {
                result.Append(text[i]);
                continue;
            }

            i++;
            var end = text[i] == '(' ? text.IndexOf(')', i) : -1;
            if (text[i] == '$')
            {
                result.Append('$');
            }
            else if (end < 0)
            {
                result.Append('$').Append(text[i]);
            }
            else
            {
                var name = text[(i + 1)..end];
                result.Append(variables.TryGetValue(name, out var value) ? value : $"$({name})");
                i = end;
            }
        }

        return result.ToString();
    }
}
