using System.Globalization;
using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

/// <param name="Type">"string" or "integer".</param>
/// <param name="Wide">Only shown with <c>-o wide</c>.</param>
public sealed record TableColumn(string Name, string Type = "string", bool Wide = false);

/// <summary>The columns that <c>kubectl get</c> prints of a kind, and the cells of one object.</summary>
/// <param name="Cells">From the object and the time now; one cell a column.</param>
public sealed record TableLayout(IReadOnlyList<TableColumn> Columns, Func<JsonObject, DateTimeOffset, JsonNode?[]> Cells)
{
    public const string None = "<none>";

    internal JsonArray ColumnDefinitions()
    {
        var definitions = new JsonArray();
        foreach (var column in Columns)
        {
            definitions.Add((JsonNode)new JsonObject
            {
                ["name"] = column.Name,
                ["type"] = column.Type,
                ["format"] = column.Name == "Name" ? "name" : "",
                ["description"] = "",
                ["priority"] = column.Wide ? 1 : 0,
            });
        }
        return definitions;
    }

    /// <summary>How long ago, as kubectl writes it; "&lt;unknown&gt;" without a time.</summary>
    internal static string Age(string? timestamp, DateTimeOffset now) =>
        DateTimeOffset.TryParse(timestamp, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? HumanDuration(now - time)
            : "<unknown>";

    internal static string Age(JsonObject o, DateTimeOffset now) => Age(o.Text("metadata", "creationTimestamp"), now);

    /// <summary>apimachinery's duration.HumanDuration: two units where the first is small, one where it is large.</summary>
    internal static string HumanDuration(TimeSpan duration)
    {
        var seconds = (long)duration.TotalSeconds;
        if (seconds < -1)
            return "<invalid>";
        if (seconds < 0)
            return "0s";
        var (minutes, hours) = (seconds / 60, seconds / 3600);
        var (days, years) = (hours / 24, hours / 24 / 365);
        return seconds switch
        {
            < 120 => $"{seconds}s",
            _ when minutes < 10 => Two(minutes, "m", seconds % 60, "s"),
            _ when minutes < 180 => $"{minutes}m",
            _ when hours < 8 => Two(hours, "h", minutes % 60, "m"),
            _ when hours < 48 => $"{hours}h",
            _ when days < 8 => Two(days, "d", hours % 24, "h"),
            _ when hours < 24 * 365 * 2 => $"{days}d",
            _ when years < 8 => Two(years, "y", days % 365, "d"),
            _ => $"{years}y",
        };
    }

    private static string Two(long large, string largeUnit, long small, string smallUnit) =>
        small == 0 ? $"{large}{largeUnit}" : $"{large}{largeUnit}{small}{smallUnit}";

    /// <summary>"a=b,c=d", or "&lt;none&gt;".</summary>
    internal static string MapText(JsonNode? map) => map is JsonObject { Count: > 0 } entries
        ? string.Join(',', entries.OrderBy(e => e.Key, StringComparer.Ordinal).Select(e => $"{e.Key}={e.Value}"))
        : None;

    /// <summary>A LabelSelector (matchLabels and matchExpressions) as kubectl writes it.</summary>
    internal static string SelectorText(JsonNode? selector)
    {
        var parts = new List<string>();
        if (selector.At("matchLabels") is JsonObject { Count: > 0 } labels)
            parts.Add(MapText(labels));
        foreach (var expression in selector.Items("matchExpressions"))
        {
            var key = expression.Text("key");
            var values = $"({string.Join(',', expression.Texts("values"))})";
            parts.Add(expression.Text("operator") switch
            {
                "In" => $"{key} in {values}",
                "NotIn" => $"{key} notin {values}",
                "Exists" => $"{key}",
                _ => $"!{key}",
            });
        }
        return parts.Count == 0 ? None : string.Join(',', parts);
    }
}
