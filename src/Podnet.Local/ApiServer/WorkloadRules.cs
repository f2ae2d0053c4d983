using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

/// <summary>StatefulSet, Deployment and ReplicaSet: replicas of a pod template (kubernetes pkg/apis/apps).</summary>
internal class WorkloadRules : ResourceRules
{
    public override void Begin(JsonObject created) => created["status"] = new JsonObject { ["replicas"] = 0 };

    public override void Default(JsonObject written)
    {
        var spec = written.Child("spec");
        spec.Default("replicas", 1);
        PodSpecRules.Default(spec.Child("template").Child("spec"));
    }

    public override void Validate(JsonObject written, JsonObject? before, ICollection<FieldError> errors)
    {
        var spec = written["spec"];
        if (spec.Number("replicas") is < 0 and var replicas)
            errors.Add(FieldError.Invalid("spec.replicas", replicas, "must be greater than or equal to 0"));
        ValidateSelector(spec, errors);
        PodSpecRules.Validate(spec.At("template", "spec"), "spec.template.spec", errors);
        if (spec.Text("template", "spec", "restartPolicy") is "OnFailure" or "Never")
        {
            errors.Add(FieldError.Unsupported(
                "spec.template.spec.restartPolicy", spec.Text("template", "spec", "restartPolicy")!, "Always"));
        }
        if (before is not null && !JsonNode.DeepEquals(spec.At("selector"), before.At("spec", "selector")))
            errors.Add(FieldError.Invalid("spec.selector", spec.At("selector"), "field is immutable"));
    }

    private static void ValidateSelector(JsonNode? spec, ICollection<FieldError> errors)
    {
        if (spec.At("selector") is not JsonObject selector)
        {
            errors.Add(FieldError.Required("spec.selector"));
            return;
        }
        var wanted = selector["matchLabels"] as JsonObject;
        if (wanted is null or { Count: 0 } && !selector.Items("matchExpressions").Any())
        {
            errors.Add(FieldError.Invalid("spec.selector", selector, "empty selector is invalid for deployment"));
            return;
        }
        var labels = ObjectJson.StringMap(spec.At("template", "metadata", "labels"));
        var matches = ObjectJson.StringMap(wanted).All(w => labels.GetValueOrDefault(w.Key) == w.Value)
            && selector.Items("matchExpressions").All(e => Matches(e, labels));
        if (!matches)
        {
            errors.Add(FieldError.Invalid("spec.template.metadata.labels",
                spec.At("template", "metadata", "labels"), "`selector` does not match template `labels`"));
        }
    }

    private static bool Matches(JsonObject expression, IReadOnlyDictionary<string, string> labels)
    {
        var there = labels.TryGetValue(expression.Text("key") ?? "", out var value);
        return expression.Text("operator") switch
        {
            "In" => there && expression.Texts("values").Contains(value),
            "NotIn" => !there || !expression.Texts("values").Contains(value),
            "Exists" => there,
            _ => !there,
        };
    }
}

internal sealed class ReplicaSetRules : WorkloadRules
{
    public override IReadOnlyList<string> SelectableFields { get; } = ["status.replicas"];
}

internal sealed class DeploymentRules : WorkloadRules
{
    public override void Begin(JsonObject created) => created["status"] = new JsonObject();

    public override void Default(JsonObject written)
    {
        base.Default(written);
        var spec = written.Child("spec");
        spec.Default("revisionHistoryLimit", 10);
        spec.Default("progressDeadlineSeconds", 600);
        var strategy = spec.Child("strategy");
        strategy.Default("type", "RollingUpdate");
        if (strategy.Text("type") != "RollingUpdate")
            return;
        var rolling = strategy.Child("rollingUpdate");
        rolling.Default("maxUnavailable", "25%");
        rolling.Default("maxSurge", "25%");
    }
}

internal sealed class DaemonSetRules : WorkloadRules
{
    public override void Begin(JsonObject created) =>
        created["status"] = new JsonObject { ["currentNumberScheduled"] = 0, ["desiredNumberScheduled"] = 0, ["numberMisscheduled"] = 0, ["numberReady"] = 0 };

    public override void Default(JsonObject written)
    {
        var spec = written.Child("spec");
        PodSpecRules.Default(spec.Child("template").Child("spec"));
        spec.Default("revisionHistoryLimit", 10);
        var strategy = spec.Child("updateStrategy");
        strategy.Default("type", "RollingUpdate");
        if (strategy.Text("type") != "RollingUpdate")
            return;
        var rolling = strategy.Child("rollingUpdate");
        rolling.Default("maxUnavailable", 1);
        rolling.Default("maxSurge", 0);
    }
}

internal sealed class StatefulSetRules : WorkloadRules
{
    public override void Default(JsonObject written)
    {
        base.Default(written);
        var spec = written.Child("spec");
        spec.Default("podManagementPolicy", "OrderedReady");
        spec.Default("revisionHistoryLimit", 10);
        spec.Default("serviceName", "");
        var strategy = spec.Child("updateStrategy");
        strategy.Default("type", "RollingUpdate");
        if (strategy.Text("type") == "RollingUpdate")
            strategy.Child("rollingUpdate").Default("partition", 0);
    }

    public override void Validate(JsonObject written, JsonObject? before, ICollection<FieldError> errors)
    {
        base.Validate(written, before, errors);
        if (before is not null && !JsonNode.DeepEquals(Fixed(written), Fixed(before)))
        {
            errors.Add(FieldError.Forbidden("spec",
                "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
                + "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"));
        }
    }

    private static JsonNode Fixed(JsonObject set)
    {
        var spec = (JsonObject)set.Child("spec").DeepClone();
        foreach (var free in (ReadOnlySpan<string>)
            ["replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit", "persistentVolumeClaimRetentionPolicy", "minReadySeconds", "selector"])
            spec.Remove(free);
        return spec;
    }
}
