using System.Text;

namespace Podnet.Kubernetes;

/// <summary>Which objects of a collection; null means any.</summary>
/// <param name="Label">As in "app=web,!service.kubernetes.io/headless".</param>
/// <param name="Field">As in "spec.nodeName=node-1" or "metadata.name=node-1".</param>
public sealed record ListSelectors(string? Label = null, string? Field = null)
{
    internal static void AppendTo(StringBuilder query, ListSelectors? selectors)
    {
        if (selectors?.Label is { } label)
            query.Append("&labelSelector=").Append(Uri.EscapeDataString(label));
        if (selectors?.Field is { } field)
            query.Append("&fieldSelector=").Append(Uri.EscapeDataString(field));
    }
}
