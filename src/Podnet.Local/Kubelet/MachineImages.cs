using System.Collections.Frozen;
using Podnet.Linux;
using Podnet.Local.Images;

namespace Podnet.Local.Kubelet;

/// <summary>What a container is made from.</summary>
/// <param name="Source">Which image was taken: "program:/usr/sbin/nginx", "docker.io/library/nginx@sha256:…".</param>
/// <param name="Command">Run where the pod gives no command (entrypoint) of its own.</param>
/// <param name="Arguments">Added to the command where the pod gives neither command nor args (CMD).</param>
/// <param name="LogLinks">Files that are links to the container's standard output or error.</param>
/// <param name="StopSignal">Asks the program to end.</param>
public sealed record ContainerImage(
    string Source,
    IReadOnlyList<string> Command,
    IReadOnlyList<string> Arguments,
    IReadOnlyList<(string Link, string Target)> LogLinks,
    int StopSignal)
{
    /// <summary>An image of the store, which the container's root file system is; null: it is a view of this machine.</summary>
    public StoredImage? Stored { get; init; }

    public static ContainerImage Of(StoredImage image) =>
        new(image.ContentName, image.Run.Entrypoint, image.Run.Command, [], image.Run.StopSignal ?? Signals.Terminate) { Stored = image };
}

/// <summary>Images that are programs of this machine: <c>image: nginx</c> is the nginx that is installed here.</summary>
public static class MachineImages
{
    /// <summary>As their official images run them: Dockerfiles of docker-library.</summary>
    private static readonly FrozenDictionary<string, ContainerImage> WellKnown = new Dictionary<string, ContainerImage>
    {
        ["nginx"] = new(
            "", [], ["nginx", "-g", "daemon off;"],
            [("/var/log/nginx/access.log", "/dev/stdout"), ("/var/log/nginx/error.log", "/dev/stderr")],
            Signals.Quit),
        ["busybox"] = new("", [], ["busybox", "sh"], [], Signals.Terminate),
    }.ToFrozenDictionary();

    /// <summary>The Debian package of a program, where it is called otherwise.</summary>
    private static readonly FrozenDictionary<string, string> Packages = new Dictionary<string, string>
    {
        ["nginx"] = "nginx-light",
        ["busybox"] = "busybox",
        ["curl"] = "curl",
        ["haproxy"] = "haproxy",
        ["iperf3"] = "iperf3",
        ["socat"] = "socat",
        ["lighttpd"] = "lighttpd",
        ["python3"] = "python3-minimal",
    }.ToFrozenDictionary();

    /// <summary>Null if there is no such program, or the name asks for what no program can be: certain bytes, or what a registry on this machine has.</summary>
    public static ContainerImage? Find(ImageReference image)
    {
        if (image.Digest is not null || image.IsOnLoopback || PathOf(ProgramOf(image)) is not { } path)
            return null;
        var source = $"program:{path}";
        return WellKnown.TryGetValue(ProgramOf(image), out var known)
            ? known with { Source = source }
            : new ContainerImage(source, [path], [], [], Signals.Terminate);
    }

    /// <summary>Why <see cref="Find"/> finds nothing, and what to do about it.</summary>
    public static string WhyNot(ImageReference image) => image switch
    {
        { Digest: not null } => "no program of this machine can be what has a digest",
        { IsOnLoopback: true } => $"no program of this machine stands in for what {image.Registry} has",
        _ => $"there is no program {ProgramOf(image)} on this machine ({HowToGet(ProgramOf(image))})",
    };

    /// <summary>docker.io/library/nginx:1.25 → nginx.</summary>
    internal static string ProgramOf(ImageReference image) => image.Repository[(image.Repository.LastIndexOf('/') + 1)..];

    private static string HowToGet(string name) => Packages.TryGetValue(name, out var package)
        ? $"apt-get install {package}"
        : "install one of that name, or name a program that is installed";

    /// <summary>Only where a container sees it too: a link into somebody's home folder would lead nowhere there.</summary>
    private static string? PathOf(string program)
    {
        foreach (var folder in OciDefaults.Path.Split(':'))
        {
            var file = new FileInfo($"{folder}/{program}");
            if (!file.Exists || (file.UnixFileMode & UnixFileMode.OtherExecute) == UnixFileMode.None)
                continue;
            var target = file.ResolveLinkTarget(returnFinalTarget: true) ?? file;
            if (target.Exists && RootFilesystem.Shows(target.FullName))
                return file.FullName;
        }

        return null;
    }
}
