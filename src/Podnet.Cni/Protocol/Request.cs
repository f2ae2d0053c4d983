namespace Podnet.Cni.Protocol;

internal enum CniCommand
{
    Add,
    Delete,
    Check,
    Status,
    GarbageCollect,
    Version,
}

/// <summary>What the environment variables ask for (CNI SPEC 1.1, section 2, "Parameters"), checked.</summary>
/// <param name="ContainerId">Starts with a letter or digit, then those, '_', '.' and '-': safe in a file, never in a path. Empty where the command is about no container.</param>
/// <param name="NetnsPath">Absolute; null for DEL, which needs none.</param>
internal sealed record Request(CniCommand Command, string ContainerId, string InterfaceName, string? NetnsPath, CniArguments Arguments)
{
    /// <summary>Arbitrary; runtimes use 64 hexadecimal digits.</summary>
    private const int MaxIdLength = 255;

    /// <summary>IFNAMSIZ of linux/if.h less its NUL.</summary>
    private const int MaxInterfaceNameLength = 15;

    /// <summary>PATH_MAX of linux/limits.h less its NUL.</summary>
    public const int MaxPathLength = 4095;

    public static Request FromEnvironment(Func<string, string?> environment)
    {
        var command = Required(environment, "CNI_COMMAND") switch
        {
            "ADD" => CniCommand.Add,
            "DEL" => CniCommand.Delete,
            "CHECK" => CniCommand.Check,
            "STATUS" => CniCommand.Status,
            "GC" => CniCommand.GarbageCollect,
            "VERSION" => CniCommand.Version,
            var other => throw Invalid("CNI_COMMAND", other, "is not ADD, DEL, CHECK, STATUS, GC or VERSION"),
        };
        if (command is CniCommand.Version or CniCommand.Status or CniCommand.GarbageCollect)
            return new Request(command, "", "", null, CniArguments.None);
        return new Request(
            command,
            ReadContainerId(Required(environment, "CNI_CONTAINERID")),
            ReadInterfaceName(Required(environment, "CNI_IFNAME")),
            // DEL goes by container and interface alone, and must not fail for what made ADD fail.
            command == CniCommand.Delete ? null : ReadNetns(Required(environment, "CNI_NETNS")),
            command == CniCommand.Delete ? CniArguments.None : CniArguments.Read(environment("CNI_ARGS")));
    }

    /// <summary>The rule for container ids and network names.</summary>
    public static bool IsIdentifier(string value) =>
        value.Length is > 0 and <= MaxIdLength
        && char.IsAsciiLetterOrDigit(value[0])
        && value.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-');

    private static string ReadContainerId(string value) =>
        IsIdentifier(value)
            ? value
            : throw Invalid(
                "CNI_CONTAINERID",
                value,
                $"must start with a letter or digit, hold only those, '_', '.' and '-', and be no longer than {MaxIdLength}");

    private static string ReadInterfaceName(string value)
    {
        // "must not be empty, must not be '.' or '..', must be less than 16 characters and must not contain / or : or any
        // whitespace characters"; non-ASCII letters may take several bytes of IFNAMSIZ and no one needs them. Of "eth%d" the kernel makes
        // a name of its own choice (dev_alloc_name).
        var valid = value.Length <= MaxInterfaceNameLength
            && value is not ("." or "..")
            && value.All(c => c is > ' ' and < (char)0x7F and not ('/' or ':' or '%'));
        return valid
            ? value
            : throw Invalid("CNI_IFNAME", value, $"must be at most {MaxInterfaceNameLength} printable ASCII characters without '/', ':' and '%'");
    }

    private static string ReadNetns(string value) =>
        value[0] == '/' && value.Length <= MaxPathLength
            ? value
            : throw Invalid("CNI_NETNS", value, $"must be an absolute path of at most {MaxPathLength} characters");

    private static string Required(Func<string, string?> environment, string name) =>
        environment(name) is { Length: > 0 } value ? value : throw Missing(name);

    private static CniException Missing(string name) =>
        new(CniErrorCode.InvalidEnvironment, $"environment variable {name} is missing");

    private static CniException Invalid(string name, string value, string rule) =>
        new(CniErrorCode.InvalidEnvironment, $"environment variable {name} is invalid", $"{CniException.Quote(value)} {rule}");
}
