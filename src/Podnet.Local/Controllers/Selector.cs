using System.Collections.Immutable;
using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>A label selector; all of its requirements must hold.</summary>
internal sealed class Selector
{
    private readonly ImmutableArray<(string Key, string Operator, ImmutableArray<string> Values)> _requirements;

    private Selector(IEnumerable<(string, string, ImmutableArray<string>)> requirements) => _requirements = [.. requirements];

    /// <summary>A null selector selects nothing, an empty one everything (apimachinery's LabelSelectorAsSelector).</summary>
    public static Selector Of(V1LabelSelector? selector)
    {
        if (selector is null) return new Selector([("", "Nothing", [])]);
        var labels = (selector.MatchLabels ?? ImmutableDictionary<string, string>.Empty)
            .Select(l => (l.Key, "In", ImmutableArray.Create(l.Value)));
        var expressions = (selector.MatchExpressions ?? [])
            .Select(e => (e.Key, e.OperatorProperty, (e.Values ?? []).ToImmutableArray()));
        return new Selector(labels.Concat(expressions));
    }

    /// <summary>The selector of a Service or a nodeSelector: pairs that must all be there.</summary>
    public static Selector Of(IEnumerable<KeyValuePair<string, string>> labels) =>
        new(labels.Select(l => (l.Key, "In", ImmutableArray.Create(l.Value))));

    public bool Matches(IDictionary<string, string>? labels)
    {
        foreach (var (key, @operator, values) in _requirements)
        {
            string? value = null;
            var present = labels is not null && labels.TryGetValue(key, out value);
            var holds = @operator switch
            {
                "In" => present && values.Contains(value!),
                "NotIn" => !present || !values.Contains(value!),
                "Exists" => present,
                "DoesNotExist" => !present,
                _ => false,
            };
            if (!holds) return false;
        }
        return true;
    }
}
