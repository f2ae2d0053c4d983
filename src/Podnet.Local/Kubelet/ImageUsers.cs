using System.Globalization;
using Podnet.Linux;

namespace Podnet.Local.Kubelet;

/// <summary>Users and groups of an image: by its own /etc/passwd and /etc/group (passwd(5), group(5)).</summary>
internal static class ImageUsers
{
    /// <summary>Of such a file, in bytes. Arbitrary.</summary>
    private const int Longest = 1 << 20;

    /// <summary>
    /// A user with the groups that they are in, as containerd finds them (oci.WithUser, WithAdditionalGIDs): a number need not be in the
    /// files and has group 0 then, a name must be.
    /// </summary>
    /// <param name="root">The container's root file system. What is in it is not trusted: its links stay inside.</param>
    /// <param name="text">"", "user", "uid", "user:group" and so on (OCI image specification, config.md, "User").</param>
    /// <exception cref="ContainerConfigException"/>
    public static OciUser Find(string root, string text)
    {
        using var folder = FileHandle.OpenFolder(root);
        var (user, group) = text.Split(':', 2) is [var first, var second] ? (first, second) : (text, "");
        if (user.Length == 0)
            user = "0";
        var number = Number(user);
        var entry = Lines(folder, "etc/passwd", fields: 4).FirstOrDefault(fields => number is null ? fields[0] == user : Number(fields[2]) == number);
        if (entry is null && number is null)
            throw new ContainerConfigException($"unable to find user {user}: no matching entries in passwd file");
        var uid = number ?? Number(entry![2]) ?? throw new ContainerConfigException($"user {user} has no number in the image's /etc/passwd");
        if (group.Length > 0)
            return new OciUser(uid, Group(folder, group));
        var gid = entry is null ? 0 : Number(entry[3]) ?? 0;
        long[] others = entry is null ? [] :
        [
            .. Lines(folder, "etc/group", fields: 4).Where(fields => fields[3].Split(',').Contains(entry[0])).Select(fields => Number(fields[2])).OfType<long>(),
        ];
        return new OciUser(uid, gid, others);
    }

    private static long Group(FileHandle folder, string group) =>
        Number(group)
        ?? Lines(folder, "etc/group", fields: 3).Where(fields => fields[0] == group).Select(fields => Number(fields[2])).FirstOrDefault()
        ?? throw new ContainerConfigException($"unable to find group {group}: no matching entries in group file");

    private static long? Number(string text) => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static IEnumerable<string[]> Lines(FileHandle root, string file, int fields)
    {
        using var stream = root.TryOpenReadInRoot(file);
        if (stream is null)
            yield break;
        if (stream.Length > Longest)
            throw new ContainerConfigException($"the image's /{file} has more than {Longest} bytes");
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            var parts = line.Split(':');
            if (parts.Length >= fields)
                yield return parts;
        }
    }
}
