using Podnet.Core.Model;

namespace Podnet.Local.ApiServer;

/// <summary>One version of one object: its JSON as served, and what selectors ask of it. Never changes, so it is shared freely.</summary>
/// <param name="Name">The namespace is empty for kinds without one.</param>
/// <param name="Revision">metadata.resourceVersion.</param>
/// <param name="Json">UTF-8, with apiVersion, kind and this revision in it.</param>
/// <param name="Fields">What a fieldSelector may ask, by path; a field that is not set is "".</param>
public sealed record StoredObject(
    ObjectName Name,
    long Revision,
    string Uid,
    byte[] Json,
    IReadOnlyDictionary<string, string> Labels,
    IReadOnlyDictionary<string, string> Fields)
{
    /// <summary>Bytes of memory that a label takes beside its JSON: two strings and their place in a dictionary.</summary>
    private const int LabelSize = 160;

    /// <summary>Bytes of memory, about.</summary>
    public long Size => Json.Length + ((long)Labels.Count * LabelSize);
}

public enum WatchEventType
{
    Added,
    Modified,
    Deleted,
}

/// <param name="Object">As it is after the event; for a deletion, as it was last, with the revision of the deletion.</param>
/// <param name="Before">Null for an addition.</param>
public sealed record WatchEvent(WatchEventType Type, StoredObject Object, StoredObject? Before)
{
    public long Revision => Object.Revision;

    /// <summary>Bytes of memory, about.</summary>
    public long Size => Object.Size + (Before?.Size ?? 0);
}
