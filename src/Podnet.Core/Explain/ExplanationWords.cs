namespace Podnet.Core.Explain;

/// <summary>What the explanations of both modes say in the same words.</summary>
internal static class ExplanationWords
{
    public static string Counted(ulong count, string what) => count == 1 ? $"1 {what}" : $"{count} {what}s";

    public static string Percent(double share) => $"{100 * share:0.0} %";

    public static string Sentence(string text) => $"{char.ToUpperInvariant(text[0])}{text[1..]}.";

    public static string Got(double? share, ulong connections) =>
        share is { } got ? $"it got {Percent(got)} ({Counted(connections, "connection")})" : "no connection so far";

    /// <param name="reachesNode">Null for no node.</param>
    public static string Way(string address, string? device, string? route, string? reachesNode, string node)
    {
        if (device is null)
            return $"the kernel has no route to {address}: connections to it fail";
        var where = reachesNode switch
        {
            null => "to no node of this cluster",
            var name when name == node => "to a pod on this node",
            var name => $"to node {name}",
        };
        return $"route {route}, leaves by {device} {where}";
    }
}
