using System.Globalization;
using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>What a pod requires of its node beyond a nodeSelector (k8s.io/component-helpers scheduling/corev1/nodeaffinity).</summary>
internal static class NodeAffinity
{
    /// <summary>Any of the terms must hold, each with all that it says; one that says nothing holds nowhere.</summary>
    public static bool Holds(V1Pod pod, V1Node node) =>
        pod.Spec.Affinity?.NodeAffinity?.RequiredDuringSchedulingIgnoredDuringExecution is not { } required
        || (required.NodeSelectorTerms ?? []).Any(term => Holds(term, node));

    private static bool Holds(V1NodeSelectorTerm term, V1Node node)
    {
        if (term is { MatchExpressions: null or { Count: 0 }, MatchFields: null or { Count: 0 } }) return false;
        // "metadata.name" is the only field there is.
        return (term.MatchExpressions ?? []).All(e => Holds(e, Label(node, e.Key)))
            && (term.MatchFields ?? []).All(e => Holds(e, e.Key == "metadata.name" ? node.Metadata.Name : null));
    }

    private static string? Label(V1Node node, string key) => node.Metadata.Labels?.TryGetValue(key, out var value) == true ? value : null;

    private static bool Holds(V1NodeSelectorRequirement requirement, string? value) => requirement.OperatorProperty switch
    {
        "In" => value is not null && requirement.Values.Contains(value),
        "NotIn" => value is null || !requirement.Values.Contains(value),
        "Exists" => value is not null,
        "DoesNotExist" => value is null,
        "Gt" => Compare(value, requirement) > 0,
        "Lt" => Compare(value, requirement) < 0,
        _ => false,
    };

    /// <summary>0 where either is no integer, which is neither more nor less.</summary>
    private static int Compare(string? value, V1NodeSelectorRequirement requirement) =>
        long.TryParse(value, CultureInfo.InvariantCulture, out var number) && requirement.Values is [var text]
        && long.TryParse(text, CultureInfo.InvariantCulture, out var bound) ? number.CompareTo(bound) : 0;
}
