using System.Globalization;
using System.Text.Json.Nodes;
using Podnet.Core.Model;

namespace Podnet.Local.ApiServer;

/// <summary>What a client says about how to delete (metav1.DeleteOptions).</summary>
/// <param name="Orphan">What the object owns stays, without an owner.</param>
/// <param name="Foreground">What the object owns goes first.</param>
internal sealed record DeleteOptions(long? GracePeriodSeconds, string? Uid, string? ResourceVersion, bool Orphan, bool Foreground, bool DryRun);

/// <summary>Deletions: at once, or marked with a deletionTimestamp until a kubelet or those who hold finalizers let the object go.</summary>
internal sealed partial class ObjectRegistry
{
    /// <summary>meta/v1 FinalizerDeleteDependents.</summary>
    public const string ForegroundDeletion = "foregroundDeletion";

    /// <summary>Seconds: 30 days, which is for ever. What somebody asks for beyond it would lead beyond the calendar. Arbitrary.</summary>
    private const long LongestGrace = 30 * 24 * 3600;

    /// <returns>The object as it was last or is now, and whether it is gone.</returns>
    public Task<(StoredObject Object, bool Gone)> DeleteAsync(ResourceDefinition resource, ObjectName name, DeleteOptions options) =>
        _store.WriteAsync(writer =>
        {
            var current = writer.Get(resource, name) ?? throw StatusException.NotFound(resource, name.Name);
            CheckPreconditions(resource, current, options.Uid, options.ResourceVersion);
            return options.DryRun ? (current, true) : Delete(writer, resource, current, options);
        });

    private (StoredObject Object, bool Gone) Delete(
        ObjectStore.Writer writer, ResourceDefinition resource, StoredObject current, DeleteOptions options)
    {
        if (resource == _table.Namespaces)
            return (TerminateNamespace(writer, current), false);
        if (resource.Rules.WhyKept(current.Name.Name) is { } why)
            throw StatusException.Forbidden(resource, current.Name.Name, why);
        if (options.Orphan)
            ReleaseDependents(writer, current);
        var o = ObjectJson.Parse(current.Json);
        if (options.Foreground && !o["metadata"].Texts("finalizers").Contains(ForegroundDeletion))
        {
            // The garbage collector takes it away again when nothing is left that the object owns.
            if (o.At("metadata", "finalizers") is not JsonArray finalizers)
                o.Child("metadata")["finalizers"] = finalizers = [];
            finalizers.Add((JsonNode)ForegroundDeletion);
        }
        var grace = Math.Min(LongestGrace, resource.Rules.GracePeriodSeconds(o, options.GracePeriodSeconds));
        if (grace == 0 && !ObjectMetadata.HasFinalizers(o))
            return (Remove(writer, resource, current, o), true);
        var metadata = o.Child("metadata");
        var had = metadata.Number("deletionGracePeriodSeconds");
        // A later delete can only shorten the time.
        if (had <= grace)
            return (current, false);
        var requestedAt = metadata.Text("deletionTimestamp") is { } end
            ? DateTimeOffset.Parse(end, CultureInfo.InvariantCulture).AddSeconds(-(had ?? 0))
            : _time.GetUtcNow();
        metadata["deletionTimestamp"] = ObjectJson.Timestamp(requestedAt.AddSeconds(grace));
        metadata["deletionGracePeriodSeconds"] = grace;
        if (resource.HasGeneration && had is null)
            metadata["generation"] = (metadata.Number("generation") ?? 0) + 1;
        return (writer.Put(resource, o), false);
    }

    /// <param name="last">The object's JSON, for what must be given back.</param>
    private static StoredObject Remove(ObjectStore.Writer writer, ResourceDefinition resource, StoredObject current, JsonObject last)
    {
        var removed = writer.Remove(resource, current);
        resource.Rules.Recorded(last, null);
        return removed;
    }

    /// <summary>From here on nothing new comes into it; a controller empties it and then takes its spec.finalizers away.</summary>
    private StoredObject TerminateNamespace(ObjectStore.Writer writer, StoredObject current)
    {
        var name = current.Name.Name;
        if (name is "default" or "kube-system" or "kube-public")
            throw StatusException.Forbidden(_table.Namespaces, name, "this namespace may not be deleted");
        var o = ObjectJson.Parse(current.Json);
        if (ObjectMetadata.IsDeleting(o))
            return current;
        o.Child("metadata")["deletionTimestamp"] = ObjectJson.Timestamp(_time.GetUtcNow());
        o.Child("status")["phase"] = "Terminating";
        return writer.Put(_table.Namespaces, o);
    }

    private void ReleaseDependents(ObjectStore.Writer writer, StoredObject owner)
    {
        foreach (var resource in _table.All)
        {
            foreach (var stored in writer.All(resource).Where(s => s.Json.AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(owner.Uid)) >= 0).ToList())
            {
                var o = ObjectJson.Parse(stored.Json);
                if (o.At("metadata", "ownerReferences") is not JsonArray references)
                    continue;
                var kept = references.Where(r => r.Text("uid") != owner.Uid).Select(r => r!.DeepClone()).ToArray();
                if (kept.Length == references.Count)
                    continue;
                if (kept.Length == 0)
                    o.Child("metadata").Remove("ownerReferences");
                else
                    o.Child("metadata")["ownerReferences"] = new JsonArray(kept);
                writer.Put(resource, o);
            }
        }
    }
}
