using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>Carries out <see cref="RevisionPlan"/>.</summary>
internal static class RevisionWriter
{
    /// <param name="current">The name of the current template's revision.</param>
    public static async Task ApplyAsync(this RevisionDecision decision, ControllerContext context, V1ObjectMeta current, CancellationToken ct)
    {
        if (decision.Create is { } create) await context.ControllerRevisions.CreateAsync(create, ct);
        // The data is any JSON, which the typed client cannot write.
        if (decision.Patch is { } patch) await context.ControllerRevisions.PatchAsync(current, patch, ct);
        foreach (var old in decision.Delete) await context.ControllerRevisions.DeleteAsync(old.Metadata, ct);
    }
}
