using System.Text;
using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

/// <summary>What the server itself writes into metadata, and what it accepts there.</summary>
internal static class ObjectMetadata
{
    /// <summary>All annotations of an object together, in bytes (apimachinery TotalAnnotationSizeLimitB).</summary>
    private const int AnnotationsLimit = 256 * 1024;

    /// <summary>No vowels, so that no word comes out, and no look-alikes (apimachinery util/rand).</summary>
    private const string SuffixLetters = "bcdfghjklmnpqrstvwxz2456789";
    private const int SuffixLength = 5;
    private const int GeneratedBaseLength = NameRules.LabelLength - SuffixLength;

    public static void Create(JsonObject created, ResourceDefinition resource, string @namespace, DateTimeOffset now)
    {
        var metadata = created.Child("metadata");
        foreach (var name in (ReadOnlySpan<string>)["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "resourceVersion"])
            metadata.Remove(name);
        if (resource.Namespaced)
            metadata["namespace"] = @namespace;
        else
            metadata.Remove("namespace");
        metadata["uid"] = Guid.NewGuid().ToString();
        metadata["creationTimestamp"] = ObjectJson.Timestamp(now);
        metadata.Remove("generation");
        if (resource.HasGeneration)
            metadata["generation"] = 1;
    }

    /// <summary>Gives a changed object back what only the server may change.</summary>
    public static void Keep(JsonObject changed, JsonObject before)
    {
        var (metadata, old) = (changed.Child("metadata"), before.Child("metadata"));
        foreach (var name in (ReadOnlySpan<string>)
            ["name", "generateName", "namespace", "uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion"])
        {
            if (old[name] is { } value)
                metadata[name] = value.DeepClone();
            else
                metadata.Remove(name);
        }
        metadata.Remove("selfLink");
        // A client that does not know them leaves them as they are; one that empties them ([] or [{}]) takes them away.
        if (metadata["managedFields"] is null && old["managedFields"] is { } managed)
            metadata["managedFields"] = managed.DeepClone();
        else if (!metadata.Items("managedFields").Any(m => m.Count > 0))
            metadata.Remove("managedFields");
    }

    public static string GeneratedName(string generateName)
    {
        var start = generateName.Length > GeneratedBaseLength ? generateName[..GeneratedBaseLength] : generateName;
        return start + new string(Random.Shared.GetItems<char>(SuffixLetters, SuffixLength));
    }

    public static bool HasFinalizers(JsonObject o) => o["metadata"].Texts("finalizers").Any();

    public static bool IsDeleting(JsonObject o) => o.Text("metadata", "deletionTimestamp") is not null;

    /// <summary>Deleted, its time is over, and nobody holds it with a finalizer.</summary>
    public static bool IsOver(JsonObject o) =>
        IsDeleting(o) && !HasFinalizers(o) && (o.Number("metadata", "deletionGracePeriodSeconds") ?? 0) == 0;

    public static void Validate(JsonObject o, ResourceDefinition resource, ICollection<FieldError> errors)
    {
        var metadata = o["metadata"];
        var name = metadata.Text("name") ?? "";
        if (name.Length == 0)
            errors.Add(FieldError.Required("metadata.name", "name or generateName is required"));
        else if (resource.Rules.NameError(name) is { } wrong)
            errors.Add(FieldError.Invalid("metadata.name", name, wrong));
        PodPlacementRules.ValidateLabels(metadata.At("labels"), "metadata.labels", errors);
        var size = 0;
        foreach (var (key, value) in ObjectJson.StringMap(metadata.At("annotations")))
        {
            if (NameRules.QualifiedName(key.ToLowerInvariant()) is { } wrongKey)
                errors.Add(FieldError.Invalid("metadata.annotations", key, wrongKey));
            size += Encoding.UTF8.GetByteCount(key) + Encoding.UTF8.GetByteCount(value);
        }
        if (size > AnnotationsLimit)
            errors.Add(new("metadata.annotations", "FieldValueTooLong", $"Too long: may not be more than {AnnotationsLimit} bytes"));
        foreach (var finalizer in metadata.Texts("finalizers"))
        {
            if (finalizer != ObjectRegistry.ForegroundDeletion && NameRules.QualifiedName(finalizer) is { } wrongFinalizer)
                errors.Add(FieldError.Invalid("metadata.finalizers", finalizer, wrongFinalizer));
        }
    }
}
