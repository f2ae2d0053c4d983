using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

/// <summary>Pods that run to their end (kubernetes pkg/apis/batch).</summary>
internal sealed class JobRules : ResourceRules
{
    private static readonly string[] UidLabels = ["batch.kubernetes.io/controller-uid", "controller-uid"];
    private static readonly string[] NameLabels = ["batch.kubernetes.io/job-name", "job-name"];

    public override IReadOnlyList<string> SelectableFields { get; } = ["status.successful"];

    public override void Begin(JsonObject created)
    {
        created["status"] = new JsonObject();
        var spec = created.Child("spec");
        if (spec.Flag("manualSelector"))
            return;
        // The pods of a Job are told from those of an earlier one of its name by the uid.
        var labels = spec.Child("template").Child("metadata").Child("labels");
        foreach (var label in UidLabels)
            labels[label] = created.Text("metadata", "uid");
        if (created.Text("metadata", "name") is { Length: > 0 } name)
        {
            foreach (var label in NameLabels)
                labels[label] = name;
        }
        spec["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { [UidLabels[0]] = created.Text("metadata", "uid") } };
    }

    public override void Default(JsonObject written)
    {
        var spec = written.Child("spec");
        if (spec["completions"] is null && spec["parallelism"] is null)
            (spec["completions"], spec["parallelism"]) = (1, 1);
        spec.Default("parallelism", 1);
        spec.Default("backoffLimit", 6);
        spec.Default("completionMode", "NonIndexed");
        spec.Default("suspend", false);
        spec.Default("manualSelector", false);
        spec.Default("podReplacementPolicy", "TerminatingOrFailed");
        PodSpecRules.Default(spec.Child("template").Child("spec"));
    }

    public override void Validate(JsonObject written, JsonObject? before, ICollection<FieldError> errors)
    {
        var spec = written["spec"];
        foreach (var field in (ReadOnlySpan<string>)["parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"])
        {
            if (spec.Number(field) is < 0 and var number)
                errors.Add(FieldError.Invalid($"spec.{field}", number, "must be greater than or equal to 0"));
        }
        if (spec.Text("completionMode") is not ("NonIndexed" or "Indexed") and var mode)
            errors.Add(FieldError.Unsupported("spec.completionMode", mode ?? "", "Indexed", "NonIndexed"));
        PodSpecRules.ValidateTemplate(spec.At("template"), errors);
        if (spec.Text("template", "spec", "restartPolicy") == "Always")
            errors.Add(FieldError.Required("spec.template.spec.restartPolicy", "valid values: \"OnFailure\", \"Never\""));
        if (before is null)
            return;
        foreach (var field in (ReadOnlySpan<string>)["completions", "selector", "template", "completionMode"])
        {
            if (!JsonNode.DeepEquals(spec.At(field), before.At("spec", field)))
                errors.Add(FieldError.Invalid($"spec.{field}", spec.At(field)?.DeepClone(), "field is immutable"));
        }
    }
}
