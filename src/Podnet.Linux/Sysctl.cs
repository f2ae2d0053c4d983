namespace Podnet.Linux;

/// <summary>Kernel settings of the calling thread's network namespace, by their dotted names (net.ipv4.ip_forward).</summary>
public static class Sysctl
{
    public static string Read(string name) => File.ReadAllText(PathOf(name)).TrimEnd();

    public static bool Exists(string name) => File.Exists(PathOf(name));

    /// <summary>Writes the value where it differs; true if it did.</summary>
    public static bool Ensure(string name, string value)
    {
        if (Read(name) == value)
            return false;
        File.WriteAllText(PathOf(name), value);
        return true;
    }

    /// <summary>As <see cref="Ensure"/>, for short values; false also where there is no such setting.</summary>
    public static bool TryEnsure(string name, ReadOnlySpan<byte> value)
    {
        Span<byte> found = stackalloc byte[64];
        var length = SmallFile.Read(PathOf(name), found);
        return length >= 0 && !found[..length].TrimEnd((byte)'\n').SequenceEqual(value) && TrySet(name, value);
    }

    /// <summary>Writes the value without a look at what it is; false where there is no such setting.</summary>
    public static bool TrySet(string name, ReadOnlySpan<byte> value) => SmallFile.TryWrite(PathOf(name), value);

    // Dots and slashes change places, so that an interface name may hold a dot (sysctl(8)).
    private static string PathOf(string name) =>
        "/proc/sys/" + string.Create(name.Length, name, static (span, source) =>
        {
            for (var i = 0; i < source.Length; i++)
                span[i] = source[i] switch { '.' => '/', '/' => '.', var c => c };
        });
}
