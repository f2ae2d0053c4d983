using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

/// <summary>
/// What Kubernetes does to objects of one kind before it stores them. The hooks see objects whose fields are all known and of
/// the right type; this base is for kinds that need nothing.
/// </summary>
public class ResourceRules
{
    /// <summary>Beyond metadata.name and metadata.namespace.</summary>
    public virtual IReadOnlyList<string> SelectableFields => [];

    /// <summary>What is wrong with a name; null if nothing is.</summary>
    public virtual string? NameError(string name) => NameRules.Subdomain(name);

    /// <summary>Gives a new object what only the server may give it, first of all the status of an object nobody has looked at yet.</summary>
    public virtual void Begin(JsonObject created) => created.Remove("status");

    /// <summary>Fills in what was left out; done on each write, so that a field that an update clears gets its default again.</summary>
    public virtual void Default(JsonObject written)
    {
    }

    /// <param name="before">Null for a creation.</param>
    public virtual void Validate(JsonObject written, JsonObject? before, ICollection<FieldError> errors)
    {
    }

    /// <summary>Allocates what the object needs of what all objects share, and writes it into it, before it is validated.</summary>
    /// <param name="before">Null for a creation.</param>
    public virtual void Admit(JsonObject written, JsonObject? before, ICollection<FieldError> errors)
    {
    }

    /// <summary>Called after a write, so that <see cref="Admit"/> knows what is taken.</summary>
    /// <param name="before">Null for a creation.</param>
    /// <param name="now">Null for a deletion.</param>
    public virtual void Recorded(JsonObject? before, JsonObject? now)
    {
    }

    /// <summary>Why nobody may delete it; null where one may.</summary>
    public virtual string? WhyKept(string name) => null;

    /// <summary>Whether a marked object, with no finalizer in its metadata and its time over, may go.</summary>
    public virtual bool MayGo(JsonObject deleted) => true;

    /// <summary>How long an object may take to go; 0 is at once.</summary>
    /// <param name="requested">The client's wish in seconds; null for the default.</param>
    public virtual long GracePeriodSeconds(JsonObject deleted, long? requested) => 0;
}
