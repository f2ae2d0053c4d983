namespace Podnet.Cni.Protocol;

/// <summary>What tells one attachment of a network from another: a container and its interface.</summary>
/// <param name="InterfaceName">Null where only the container is known, as host-local before 0.8 wrote it.</param>
internal readonly record struct AttachmentId(string ContainerId, string? InterfaceName)
{
    private const string Key = "cni.dev/valid-attachments";

    /// <summary>
    /// Those that GC must keep. Null is an empty list, as libcni writes one; without the key at all nobody has said that
    /// everything may go.
    /// </summary>
    public static IReadOnlyList<AttachmentId> ReadAll(ConfigValue root)
    {
        if (root.Find(Key) is not { } list)
            return root.Has(Key) ? [] : throw root.Missing(Key);
        return list.Items().Select(item => new AttachmentId(item.Get("containerID").AsString(), item.Get("ifname").AsString())).ToList();
    }
}
