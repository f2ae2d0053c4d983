using System.Text;
using System.Text.RegularExpressions;
using Podnet.Linux;

namespace Podnet.EndToEnd.Tests;

/// <summary>Commands and what they print, from tests/kubectl/session.txt (its README says how it is written).</summary>
internal sealed partial class KubectlSession(string kubeconfig, string kubectl)
{
    private const string OnlyNew = "[new] ";

    public static string Folder { get; } = Path.Combine(Repository.Root, "tests", "kubectl");

    public static string File { get; } = Path.Combine(Folder, "session.txt");

    /// <param name="Expected">As normalised.</param>
    public sealed record Step(string Command, bool NeedsNew, string Expected, string Comment);

    public static List<Step> Read()
    {
        var (steps, comment, expected) = (new List<Step>(), new StringBuilder(), new StringBuilder());
        foreach (var line in System.IO.File.ReadLines(File).Append("$ "))
        {
            if (line.StartsWith('#'))
            {
                Finish();
                comment.AppendLine(line);
            }
            else if (line.StartsWith("$ ", StringComparison.Ordinal))
            {
                Finish();
                var needsNew = line[2..].StartsWith(OnlyNew, StringComparison.Ordinal);
                steps.Add(new(line[(2 + (needsNew ? OnlyNew.Length : 0))..], needsNew, "", comment.ToString()));
                comment.Clear();
            }
            else
                expected.Append(line).Append('\n');
        }
        steps.RemoveAt(steps.Count - 1);
        return steps;

        void Finish()
        {
            if (steps.Count > 0 && expected.Length > 0)
                steps[^1] = steps[^1] with { Expected = expected.ToString().TrimEnd('\n') };
            expected.Clear();
        }
    }

    public static void Write(IEnumerable<Step> steps)
    {
        var text = new StringBuilder();
        foreach (var step in steps)
            text.Append(step.Comment).Append("$ ").Append(step.NeedsNew ? OnlyNew : "").AppendLine(step.Command).AppendLine(step.Expected);
        System.IO.File.WriteAllText(File, BlankLines.Replace(text.ToString(), "\n\n"));
    }

    /// <summary>What a command prints, normalised; with its exit code where that is not 0.</summary>
    public string Run(string command)
    {
        var result = ChildProcess.Run("sh", "-c",
            $"cd {Folder} && exec 2>&1 && export KUBECONFIG={kubeconfig} TZ=UTC && kubectl() {{ timeout 90 {kubectl} --cache-dir={kubeconfig}-cache \"$@\"; }} && {command}");
        var code = result.Status.Code == 0 ? "" : $"[exit {result.Status.Code}]";
        return Normal(result.StandardOutput + (result.StandardOutput.EndsWith('\n') || result.StandardOutput.Length == 0 ? "" : "\n") + code);
    }

    private static string Normal(string text)
    {
        text = Times.Replace(text, "TIME");
        text = Uids.Replace(text, "UID");
        text = Generated.Replace(text, "-ID");
        text = Addresses.Replace(text, m => m.Value.StartsWith("10.96.", StringComparison.Ordinal) ? "CLUSTER-IP"
            : m.Value.StartsWith("10.244.", StringComparison.Ordinal) ? "POD-IP" : m.Value);
        text = NodePorts.Replace(text, ":NODE-PORT/");
        text = Server.Replace(text, "https://SERVER");
        text = Versions.Replace(text, "resourceVersion: VERSION");
        text = Temporary.Replace(text, "/tmp/FILE");
        text = Ages.Replace(text, "AGE");
        // How far a rollout is when kubectl looks is chance.
        var lines = text.Split('\n').Where(l => !l.StartsWith("Waiting for ", StringComparison.Ordinal)).Select(l => Spaces.Replace(l, "  ").TrimEnd());
        return string.Join('\n', lines).Trim('\n');
    }

    [GeneratedRegex(@"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| [+]0000( UTC)?)?|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+]0000", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Times { get; }

    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Uids { get; }

    [GeneratedRegex(@"(?<=[a-z0-9])(-[bcdfghjklmnpqrstvwxz2456789]{10})?-[bcdfghjklmnpqrstvwxz2456789]{5}\b(?!-)|-[bcdfghjklmnpqrstvwxz2456789]{10}\b", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Generated { get; }

    [GeneratedRegex(@"\b\d+\.\d+\.\d+\.\d+\b", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Addresses { get; }

    [GeneratedRegex(@":3[0-2]\d{3}/", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex NodePorts { get; }

    [GeneratedRegex(@"https://127\.0\.0\.1:\d+", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Server { get; }

    [GeneratedRegex("resourceVersion: \"\\d+\"", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Versions { get; }

    [GeneratedRegex(@"/tmp/(LIVE|MERGED)-\d+", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Temporary { get; }

    [GeneratedRegex(@"(?<=\s|\()\d+(s|m(\d+s)?)(?=\s|\)|$)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Ages { get; }

    [GeneratedRegex(" {2,}", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Spaces { get; }

    [GeneratedRegex("\n{3,}", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex BlankLines { get; }
}
