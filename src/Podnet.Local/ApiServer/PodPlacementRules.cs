using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

/// <summary>Validation of what a pod says about the nodes that it may run on (kubernetes pkg/apis/core/validation).</summary>
internal static class PodPlacementRules
{
    public static void Validate(JsonNode? spec, string path, ICollection<FieldError> errors)
    {
        ValidateLabels(spec.At("nodeSelector"), $"{path}.nodeSelector", errors);
        var required = spec.At("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution");
        if (required is not null && !required.Items("nodeSelectorTerms").Any())
        {
            errors.Add(FieldError.Required($"{path}.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms",
                "must have at least one node selector term"));
        }
        var index = 0;
        foreach (var toleration in spec.Items("tolerations"))
            ValidateToleration(toleration, $"{path}.tolerations[{index++}]", errors);
    }

    /// <summary>Keys and values of labels, or of a selector by equality.</summary>
    public static void ValidateLabels(JsonNode? labels, string path, ICollection<FieldError> errors)
    {
        foreach (var (key, value) in ObjectJson.StringMap(labels))
        {
            if (NameRules.QualifiedName(key) is { } wrongKey)
                errors.Add(FieldError.Invalid(path, key, wrongKey));
            if (NameRules.LabelValue(value) is { } wrongValue)
                errors.Add(FieldError.Invalid(path, value, wrongValue));
        }
    }

    private static void ValidateToleration(JsonObject toleration, string path, ICollection<FieldError> errors)
    {
        var (key, @operator, effect) = (toleration.Text("key") ?? "", toleration.Text("operator") ?? "", toleration.Text("effect") ?? "");
        if (key.Length > 0 && NameRules.QualifiedName(key) is { } wrong)
            errors.Add(FieldError.Invalid($"{path}.key", key, wrong));
        if (key.Length == 0 && @operator != "Exists")
        {
            errors.Add(FieldError.Invalid($"{path}.operator", @operator,
                "operator must be Exists when `key` is empty, which means \"match all values and all keys\""));
        }
        if (toleration["tolerationSeconds"] is not null && effect != "NoExecute")
            errors.Add(FieldError.Invalid($"{path}.effect", effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
        if (@operator is not ("" or "Equal" or "Exists"))
            errors.Add(FieldError.Unsupported($"{path}.operator", @operator, "Equal", "Exists"));
        else if (@operator == "Exists" && !string.IsNullOrEmpty(toleration.Text("value")))
            errors.Add(FieldError.Invalid($"{path}.operator", toleration.Text("value"), "value must be empty when `operator` is 'Exists'"));
        if (effect is not ("" or "NoSchedule" or "PreferNoSchedule" or "NoExecute"))
            errors.Add(FieldError.Unsupported($"{path}.effect", effect, "NoSchedule", "PreferNoSchedule", "NoExecute"));
    }
}
