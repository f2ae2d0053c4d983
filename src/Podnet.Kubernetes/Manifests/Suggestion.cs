namespace Podnet.Kubernetes.Manifests;

/// <summary>" (did you mean replicas?)" for a slip of the keyboard, or nothing.</summary>
internal static class Suggestion
{
    /// <summary>Letters to insert, delete or change; more is another word.</summary>
    private const int FarthestSlip = 2;

    public static string Among(IEnumerable<string> known, string given)
    {
        var best = known
            .Select(word => (Word: word, Distance: string.Equals(word, given, StringComparison.OrdinalIgnoreCase) ? 0 : Distance(word, given)))
            .Where(candidate => candidate.Distance <= FarthestSlip && candidate.Distance < given.Length)
            .OrderBy(candidate => candidate.Distance)
            .ThenBy(candidate => candidate.Word, StringComparer.Ordinal)
            .FirstOrDefault();
        return best.Word is null ? "" : $" (did you mean {best.Word}?)";
    }

    /// <summary>Levenshtein's.</summary>
    private static int Distance(string a, string b)
    {
        if (Math.Abs(a.Length - b.Length) > FarthestSlip)
            return int.MaxValue;
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(change, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.Length];
    }
}
