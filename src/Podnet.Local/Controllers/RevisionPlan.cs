using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>How the record of a StatefulSet's or DaemonSet's templates must change.</summary>
/// <param name="Create">Without its data.</param>
/// <param name="Patch">A merge patch of the revision of the current template: its data, where it has none yet, and its number.</param>
internal sealed record RevisionDecision(V1ControllerRevision? Create, JsonObject? Patch, ImmutableArray<V1ControllerRevision> Delete);

/// <summary>
/// ControllerRevisions (pkg/controller/history): a template each, so that <c>kubectl rollout history</c> can show it and <c>undo</c> go
/// back to it. A template that comes back gets the newest number.
/// </summary>
internal static class RevisionPlan
{
    /// <summary>Templates kept beside the current one, where the owner does not say.</summary>
    private const int DefaultHistory = 10;

    public static string NameOf(V1ObjectMeta owner, V1PodTemplateSpec template) => $"{owner.Name}-{Objects.TemplateHash(template)}";

    /// <param name="revisions">Of the owner's namespace.</param>
    /// <param name="used">The hashes that pods still carry; their templates are kept.</param>
    public static RevisionDecision Decide(
        V1ObjectMeta owner, V1OwnerReference reference, V1LabelSelector selector, V1PodTemplateSpec template, int? limit,
        IEnumerable<V1ControllerRevision> revisions, IReadOnlySet<string> used)
    {
        var ours = revisions.Where(r => r.Metadata.IsControlledBy(owner)).OrderBy(r => r.Revision).ToList();
        if (owner.DeletionTimestamp is not null) return new(null, null, []);
        var hash = Objects.TemplateHash(template);
        var name = NameOf(owner, template);
        var (current, newest) = (ours.Find(r => r.Metadata.Name == name), ours.Count == 0 ? 0 : ours[^1].Revision ?? 0);
        var idle = ours.Where(r => r != current && !used.Contains(r.Metadata.Labels?[WellKnown.RevisionHash] ?? "")).ToList();
        var surplus = idle.Take(Math.Max(0, idle.Count - (limit ?? DefaultHistory))).ToImmutableArray();
        var patch = new JsonObject();
        if (current?.Data is null) patch["data"] = Data(template);
        if (current is not null && current.Revision != newest) patch["revision"] = newest + 1;
        return new(
            current is null ? New(owner, reference, selector, name, hash, newest + 1) : null, patch.Count == 0 ? null : patch, surplus);
    }

    /// <summary>A strategic merge patch that brings the template back, as kubectl applies it.</summary>
    private static JsonObject Data(V1PodTemplateSpec template)
    {
        var copy = (JsonObject)JsonNode.Parse(KubernetesJson.Serialize(template))!;
        copy["$patch"] = "replace";
        return new JsonObject { ["spec"] = new JsonObject { ["template"] = copy } };
    }

    /// <returns>Null where it has no data yet.</returns>
    public static V1PodTemplateSpec? TemplateOf(V1ControllerRevision revision) =>
        revision.Data is JsonElement data && data.TryGetProperty("spec", out var spec) && spec.TryGetProperty("template", out var template)
            ? KubernetesJson.Deserialize<V1PodTemplateSpec>(template.GetRawText())
            : null;

    private static V1ControllerRevision New(
        V1ObjectMeta owner, V1OwnerReference reference, V1LabelSelector selector, string name, string hash, long number)
    {
        var labels = PodTemplates.Copy(selector.MatchLabels);
        labels[WellKnown.RevisionHash] = hash;
        return new()
        {
            Metadata = new() { Name = name, NamespaceProperty = owner.NamespaceProperty, Labels = labels, OwnerReferences = [reference] },
            Revision = number,
        };
    }
}
