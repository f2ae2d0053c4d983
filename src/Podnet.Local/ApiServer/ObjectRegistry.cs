using System.Globalization;
using System.Text.Json.Nodes;
using Podnet.Core.Model;

namespace Podnet.Local.ApiServer;

/// <summary>Which part of an object a write may change.</summary>
internal enum ObjectPart
{
    /// <summary>Everything but the status, where that has a subresource.</summary>
    Main,
    Status,

    /// <summary>A namespace's spec.finalizers: who has yet to empty it.</summary>
    Finalizers,
}

/// <summary>The writes that the API has, in the order in which Kubernetes' generic registry takes its steps.</summary>
internal sealed partial class ObjectRegistry
{
    private const int NameAttempts = 8;
    private readonly ResourceTable _table;
    private readonly ObjectStore _store;
    private readonly TimeProvider _time;

    public ObjectRegistry(ResourceTable table, ObjectStore store, TimeProvider time)
    {
        (_table, _store, _time) = (table, store, time);
        foreach (var resource in table.All)
        {
            foreach (var stored in store.Snapshot(resource).Objects.Values)
                resource.Rules.Recorded(null, ObjectJson.Parse(stored.Json));
        }
        store.Undone = (resource, now, before) => resource.Rules.Recorded(Parsed(now), Parsed(before));
    }

    private static JsonObject? Parsed(StoredObject? stored) => stored is null ? null : ObjectJson.Parse(stored.Json);

    /// <summary>What every cluster has from its start.</summary>
    public async Task CreateMissingAsync()
    {
        if (_table.ServiceCidrs.Rules is ServiceCidrRules cidrs && _store.Get(_table.ServiceCidrs, new("", ServiceCidrRules.DefaultName)) is null)
            await CreateAsync(_table.ServiceCidrs, "", cidrs.New(), dryRun: false);
        foreach (var name in (string[])["default", "kube-node-lease", "kube-public", "kube-system"])
        {
            if (_store.Get(_table.Namespaces, new("", name)) is null)
                await CreateAsync(_table.Namespaces, "", new JsonObject { ["metadata"] = new JsonObject { ["name"] = name } }, dryRun: false);
        }
    }

    /// <param name="created">Becomes the registry's; its fields are known to be right.</param>
    /// <param name="manager">Who is noted as the owner of what it sets; null notes nobody.</param>
    public Task<StoredObject> CreateAsync(
        ResourceDefinition resource, string @namespace, JsonObject created, bool dryRun, FieldManager? manager = null)
    {
        var applied = manager is { IsApply: true } ? (JsonObject)created.DeepClone() : null;
        if (created.Text("metadata", "resourceVersion") is { Length: > 0 })
            throw StatusException.BadRequest("resourceVersion should not be set on objects to be created");
        ObjectMetadata.Create(created, resource, @namespace, _time.GetUtcNow());
        resource.Rules.Begin(created);
        return _store.WriteAsync(writer =>
        {
            CheckNamespace(writer, resource, @namespace, created.Text("metadata", "name") ?? created.Text("metadata", "generateName") ?? "");
            ChooseName(writer, resource, @namespace, created);
            if (applied is not null)
            {
                var withOwner = ServerSideApply.Apply(null, applied, resource, manager!, force: false, Now, []);
                created.Child("metadata")["managedFields"] = withOwner.At("metadata", "managedFields")?.DeepClone();
            }
            Prepare(resource, created, before: null);
            if (manager is { IsApply: false })
                ServerSideApply.Track(null, created, resource, manager, Now);
            if (dryRun)
                return resource.ToStored(created, _store.Revision);
            var stored = writer.Put(resource, created, limited: true);
            resource.Rules.Recorded(null, created);
            return stored;
        });
    }

    /// <param name="change">From the object as it is (a copy of its own) to the object as it shall be.</param>
    public Task<StoredObject> UpdateAsync(
        ResourceDefinition resource, ObjectName name, ObjectPart part, Func<JsonObject, JsonObject> change, bool dryRun,
        FieldManager? manager = null) =>
        _store.WriteAsync(writer =>
        {
            var current = writer.Get(resource, name) ?? throw StatusException.NotFound(resource, name.Name);
            var before = ObjectJson.Parse(current.Json);
            var wanted = change((JsonObject)before.DeepClone());
            CheckPreconditions(resource, current, wanted.Text("metadata", "uid"), wanted.Text("metadata", "resourceVersion"));
            var now = part switch
            {
                ObjectPart.Status => WithStatusOf(before, wanted),
                ObjectPart.Finalizers => WithFinalizersOf(before, wanted),
                _ => WithoutStatusOf(resource, before, wanted),
            };
            if (part == ObjectPart.Main)
            {
                ObjectMetadata.Keep(now, before);
                Prepare(resource, now, before);
            }
            if (JsonNode.DeepEquals(now, before))
                return current;
            if (manager is not { IsApply: true })
                Track(resource, before, now, part, manager);
            if (dryRun)
                return resource.ToStored(now, current.Revision);
            if (ObjectMetadata.IsOver(now) && resource.Rules.MayGo(now))
                return Remove(writer, resource, current, now);
            var stored = writer.Put(resource, now, limited: true);
            resource.Rules.Recorded(before, now);
            return stored;
        });

    /// <summary>Gives a pod its node, as a scheduler does.</summary>
    public Task BindAsync(ObjectName pod, string node) => UpdateAsync(_table.Pods, pod, ObjectPart.Main, current =>
    {
        if (current.Text("spec", "nodeName") is { Length: > 0 } already)
            throw StatusException.Conflict(_table.Pods, pod.Name, $"pod {pod.Name} is already assigned to node \"{already}\"");
        if (ObjectMetadata.IsDeleting(current))
            throw StatusException.Conflict(_table.Pods, pod.Name, $"pod {pod.Name} is being deleted, cannot be assigned to a host");
        current.Child("spec")["nodeName"] = node;
        return current;
    }, dryRun: false);

    /// <summary>Defaults, admission, validation and the generation.</summary>
    private static void Prepare(ResourceDefinition resource, JsonObject now, JsonObject? before)
    {
        var errors = new FieldErrors();
        ObjectMetadata.Validate(now, resource, errors);
        resource.Rules.Default(now);
        resource.Rules.Validate(now, before, errors);
        // What is not even well-formed shall not be told that its address is taken.
        if (errors.Count == 0)
            resource.Rules.Admit(now, before, errors);
        if (errors.Count > 0)
            throw StatusException.Invalid(resource, now.Text("metadata", "name") ?? "", errors);
        if (before is not null && resource.HasGeneration && !JsonNode.DeepEquals(Intent(now), Intent(before)))
            now.Child("metadata")["generation"] = (before.Number("metadata", "generation") ?? 0) + 1;
    }

    private string Now => ObjectJson.Timestamp(_time.GetUtcNow());

    /// <summary>Objects whose owners nobody has noted so far stay without: it costs as much again as the object itself.</summary>
    private void Track(ResourceDefinition resource, JsonObject before, JsonObject now, ObjectPart part, FieldManager? manager)
    {
        if (now.At("metadata", "managedFields") is null && manager is null)
            return;
        if (!JsonNode.DeepEquals(now.At("metadata", "managedFields"), before.At("metadata", "managedFields")))
            return; // written by somebody who moves ownership, as kubectl does when an object is first applied by the server
        ServerSideApply.Track(before, now, resource,
            manager ?? new FieldManager("podnet", IsApply: false, part == ObjectPart.Status ? "status" : ""), Now);
    }

    /// <summary>All that a generation counts: everything but metadata and status.</summary>
    private static JsonObject Intent(JsonObject o)
    {
        var copy = (JsonObject)o.DeepClone();
        copy.Remove("metadata");
        copy.Remove("status");
        return copy;
    }

    private static JsonObject WithStatusOf(JsonObject before, JsonObject wanted)
    {
        var now = (JsonObject)before.DeepClone();
        if (wanted.At("metadata", "managedFields") is { } managed)
            now.Child("metadata")["managedFields"] = managed.DeepClone();
        now["status"] = wanted["status"]?.DeepClone() ?? new JsonObject();
        return now;
    }

    private static JsonObject WithFinalizersOf(JsonObject before, JsonObject wanted)
    {
        var now = (JsonObject)before.DeepClone();
        now.Child("spec")["finalizers"] = wanted.At("spec", "finalizers")?.DeepClone() ?? new JsonArray();
        return now;
    }

    private static JsonObject WithoutStatusOf(ResourceDefinition resource, JsonObject before, JsonObject wanted)
    {
        if (resource.HasStatus)
        {
            if (before["status"] is { } status)
                wanted["status"] = status.DeepClone();
            else
                wanted.Remove("status");
        }
        return wanted;
    }

    private static void CheckPreconditions(ResourceDefinition resource, StoredObject current, string? uid, string? resourceVersion)
    {
        if (!string.IsNullOrEmpty(uid) && uid != current.Uid)
        {
            throw StatusException.Conflict(resource, current.Name.Name,
                $"Precondition failed: UID in precondition: {uid}, UID in object meta: {current.Uid}");
        }
        if (!string.IsNullOrEmpty(resourceVersion) && resourceVersion != current.Revision.ToString(CultureInfo.InvariantCulture))
        {
            throw StatusException.Conflict(resource, current.Name.Name,
                "the object has been modified; please apply your changes to the latest version and try again");
        }
    }

    private void CheckNamespace(ObjectStore.Writer writer, ResourceDefinition resource, string @namespace, string name)
    {
        if (!resource.Namespaced)
            return;
        var stored = writer.Get(_table.Namespaces, new("", @namespace)) ?? throw StatusException.NotFound(_table.Namespaces, @namespace);
        if (ObjectMetadata.IsDeleting(ObjectJson.Parse(stored.Json)))
        {
            throw StatusException.Forbidden(resource, name,
                $"unable to create new content in namespace {@namespace} because it is being terminated");
        }
    }

    private static void ChooseName(ObjectStore.Writer writer, ResourceDefinition resource, string @namespace, JsonObject created)
    {
        var metadata = created.Child("metadata");
        var scope = resource.Namespaced ? @namespace : "";
        if (metadata.Text("name") is { Length: > 0 } name)
        {
            if (writer.Get(resource, new(scope, name)) is not null)
                throw StatusException.AlreadyExists(resource, name);
            return;
        }
        if (metadata.Text("generateName") is not { Length: > 0 } generateName)
            return;
        for (var attempt = 1; ; attempt++)
        {
            var generated = ObjectMetadata.GeneratedName(generateName);
            if (writer.Get(resource, new(scope, generated)) is null)
            {
                metadata["name"] = generated;
                return;
            }
            if (attempt == NameAttempts)
                throw StatusException.AlreadyExists(resource, generated);
        }
    }
}
