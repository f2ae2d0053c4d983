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
        PodSpecRules.ValidateTemplate(spec.At("template"), errors);
        if (spec.Text("template", "spec", "restartPolicy") is "OnFailure" or "Never")
        {
            errors.Add(FieldError.Unsupported(
                "spec.template.spec.restartPolicy", spec.Text("template", "spec", "restartPolicy")!, "Always"));
        }
        if (before is not null && !JsonNode.DeepEquals(spec.At("selector"), before.At("spec", "selector")))
            errors.Add(FieldError.Invalid("spec.selector", GoSyntax.LabelSelector(spec.At("selector")), "field is immutable"));
    }

    /// <summary>What Kubernetes calls it in an error about an empty selector; a ReplicaSet is a deployment there, too.</summary>
    protected virtual string Word => "deployment";

    private void ValidateSelector(JsonNode? spec, ICollection<FieldError> errors)
    {
        var selector = spec.At("selector") as JsonObject;
        var wanted = selector?["matchLabels"] as JsonObject;
        if (selector is null)
            errors.Add(FieldError.Required("spec.selector"));
        else if (wanted is null or { Count: 0 } && !selector.Items("matchExpressions").Any())
        {
            errors.Add(FieldError.Invalid("spec.selector", GoSyntax.LabelSelector(selector), $"empty selector is invalid for {Word}"));
            return;
        }
        var labels = ObjectJson.StringMap(spec.At("template", "metadata", "labels"));
        // No selector selects nothing, and so not these labels either.
        var matches = selector is not null && ObjectJson.StringMap(wanted).All(w => labels.GetValueOrDefault(w.Key) == w.Value)
            && selector.Items("matchExpressions").All(e => Matches(e, labels));
        if (!matches)
        {
            errors.Add(FieldError.Invalid("spec.template.metadata.labels",
                GoSyntax.StringMap(spec.At("template", "metadata", "labels")), "`selector` does not match template `labels`"));
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

    public override void Validate(JsonObject written, JsonObject? before, ICollection<FieldError> errors)
    {
        base.Validate(written, before, errors);
        var spec = written["spec"];
        ValidateStrategy(spec.At("strategy"), errors);
        foreach (var field in (ReadOnlySpan<string>)["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"])
        {
            if (spec.Number(field) is < 0 and var number)
                errors.Add(FieldError.Invalid($"spec.{field}", number, "must be greater than or equal to 0"));
        }
        if (spec.Number("progressDeadlineSeconds") is { } deadline && deadline <= (spec.Number("minReadySeconds") ?? 0))
            errors.Add(FieldError.Invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"));
    }

    private static void ValidateStrategy(JsonNode? strategy, ICollection<FieldError> errors)
    {
        const string path = "spec.strategy.rollingUpdate";
        var rolling = strategy.At("rollingUpdate");
        switch (strategy.Text("type"))
        {
            case "RollingUpdate":
                if (IsNothing(rolling.At("maxUnavailable")) && IsNothing(rolling.At("maxSurge")))
                    errors.Add(FieldError.Invalid($"{path}.maxUnavailable", rolling.At("maxUnavailable")?.DeepClone(), "may not be 0 when `maxSurge` is 0"));
                break;
            case "Recreate":
                if (rolling is not null)
                    errors.Add(FieldError.Forbidden(path, "may not be specified when strategy `type` is 'Recreate'"));
                break;
            case var other:
                errors.Add(FieldError.Unsupported("spec.strategy.type", other ?? "", "Recreate", "RollingUpdate"));
                break;
        }
    }

    private static bool IsNothing(JsonNode? share) => share?.ToString() is "0" or "0%";
}

internal sealed class DaemonSetRules : WorkloadRules
{
    protected override string Word => "daemonset";

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
    protected override string Word => "statefulset";

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
        if (written["spec"].Items("volumeClaimTemplates").Any())
        {
            // Before it is said of their mounts that there are no such volumes.
            errors.Add(FieldError.Forbidden("spec.volumeClaimTemplates", "a local cluster has no volumes that outlive a pod: use an emptyDir in spec.template.spec.volumes"));
            return;
        }
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
