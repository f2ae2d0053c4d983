using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

internal sealed class PodRules(PodAccountAdmission accounts) : ResourceRules
{
    public override IReadOnlyList<string> SelectableFields { get; } =
        ["spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase", "status.podIP"];

    /// <summary>With what Kubernetes' admission plugins ServiceAccount, Priority and DefaultTolerationSeconds give to new pods.</summary>
    public override void Begin(JsonObject created)
    {
        var spec = created.Child("spec");
        accounts.Admit(created);
        RequestLimits(spec);
        created["status"] = new JsonObject { ["phase"] = "Pending", ["qosClass"] = QosClass(spec) };
        spec.Default("priority", 0);
        spec.Default("preemptionPolicy", "PreemptLowerPriority");
        foreach (var key in (ReadOnlySpan<string>)["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"])
        {
            if (spec.Items("tolerations").Any(t => t.Text("key") == key || t.Text("key") is null or ""))
                continue;
            if (spec["tolerations"] is not JsonArray tolerations)
                spec["tolerations"] = tolerations = [];
            tolerations.Add((JsonNode)new JsonObject { ["key"] = key, ["operator"] = "Exists", ["effect"] = "NoExecute", ["tolerationSeconds"] = 300 });
        }
    }

    /// <summary>What is limited and not requested is requested up to its limit (SetDefaults_Pod).</summary>
    private static void RequestLimits(JsonObject spec)
    {
        foreach (var container in spec.Items("initContainers").Concat(spec.Items("containers")))
        {
            if (container.At("resources", "limits") is not JsonObject limits)
                continue;
            foreach (var (name, limit) in limits)
                container.Child("resources").Child("requests").Default(name, limit!.DeepClone());
        }
    }

    /// <summary>kubernetes.io/docs/concepts/workloads/pods/pod-qos.</summary>
    private static string QosClass(JsonObject spec)
    {
        var containers = spec.Items("initContainers").Concat(spec.Items("containers")).Select(c => c["resources"]).ToList();
        if (!containers.Exists(r => r.At("requests") is JsonObject { Count: > 0 }))
            return "BestEffort";
        return containers.TrueForAll(r => new[] { "cpu", "memory" }.All(name => r.At("limits", name) is { } limit
            && JsonNode.DeepEquals(limit, r.At("requests", name)))) ? "Guaranteed" : "Burstable";
    }

    public override void Default(JsonObject written)
    {
        var spec = written.Child("spec");
        PodSpecRules.Default(spec);
        spec.Default("enableServiceLinks", true);
    }

    public override void Validate(JsonObject written, JsonObject? before, ICollection<FieldError> errors)
    {
        PodSpecRules.Validate(written["spec"], "spec", errors);
        if (before is null || JsonNode.DeepEquals(written["spec"], before["spec"]))
            return;
        if (!JsonNode.DeepEquals(Fixed(written, before), Fixed(before, before)))
        {
            errors.Add(FieldError.Forbidden("spec",
                "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
                + "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
                + "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"));
        }
    }

    /// <summary>Only a pod that a node may be running takes time: its kubelet ends it, and then deletes it with a grace of 0.</summary>
    public override long GracePeriodSeconds(JsonObject deleted, long? requested)
    {
        var bound = deleted.Text("spec", "nodeName") is { Length: > 0 };
        if (!bound || deleted.Text("status", "phase") is "Succeeded" or "Failed")
            return 0;
        return Math.Max(0, requested ?? deleted.Number("spec", "terminationGracePeriodSeconds") ?? 30);
    }

    /// <summary>The spec without what may change. A node may be given to a pod that has none, which is what a binding does.</summary>
    private static JsonNode? Fixed(JsonObject pod, JsonObject before)
    {
        var spec = pod["spec"]?.DeepClone() as JsonObject;
        if (spec is null)
            return null;
        spec.Remove("activeDeadlineSeconds");
        spec.Remove("tolerations");
        spec.Remove("terminationGracePeriodSeconds");
        if (before.Text("spec", "nodeName") is null or "")
            spec.Remove("nodeName");
        foreach (var container in spec.Items("initContainers").Concat(spec.Items("containers")))
        {
            container.Remove("image");
            container.Remove("imagePullPolicy");
        }
        return spec;
    }
}
