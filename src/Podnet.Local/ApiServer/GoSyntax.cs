using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

/// <summary>Values as Go's %#v prints them, which is how Kubernetes 1.32 names one that is neither a word nor a number in an error.</summary>
internal readonly record struct GoSyntax(string Text)
{
    public static GoSyntax StringMap(JsonNode? map) => new(map is not JsonObject pairs
        ? "map[string]string(nil)"
        : "map[string]string{" + Joined(ObjectJson.StringMap(pairs).OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"{Quoted(p.Key)}:{Quoted(p.Value)}")) + "}");

    public static GoSyntax Strings(IEnumerable<string> values) => new("[]string{" + Joined(values.Select(Quoted)) + "}");

    public static GoSyntax LabelSelector(JsonNode? selector)
    {
        var expressions = selector.Items("matchExpressions").Select(e => "v1.LabelSelectorRequirement{"
            + $"Key:{Quoted(e.Text("key"))}, Operator:{Quoted(e.Text("operator"))}, Values:{(e["values"] is null ? "[]string(nil)" : Strings(e.Texts("values")).Text)}}}").ToList();
        var list = expressions.Count == 0 ? "[]v1.LabelSelectorRequirement(nil)" : $"[]v1.LabelSelectorRequirement{{{Joined(expressions)}}}";
        return new($"v1.LabelSelector{{MatchLabels:{StringMap(selector.At("matchLabels")).Text}, MatchExpressions:{list}}}");
    }

    /// <summary>Of a port of a Service, what tells it from others.</summary>
    public static GoSyntax ServicePort(long? port, string? protocol) => new(
        $"core.ServicePort{{Name:\"\", Protocol:{Quoted(protocol)}, AppProtocol:(*string)(nil), Port:{port ?? 0}, "
        + "TargetPort:intstr.IntOrString{Type:0, IntVal:0, StrVal:\"\"}, NodePort:0}");

    private static string Quoted(string? text) => ObjectJson.ToText(JsonValue.Create(text ?? ""));

    private static string Joined(IEnumerable<string> parts) => string.Join(", ", parts);
}
