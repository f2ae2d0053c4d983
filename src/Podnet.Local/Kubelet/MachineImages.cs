using System.Collections.Frozen;
using Podnet.Linux;

namespace Podnet.Local.Kubelet;

/// <summary>What a container is made from.</summary>
/// <param name="Source">Which image was taken, for people: "program:/usr/sbin/nginx".</param>
/// <param name="Command">Run where the pod gives no command (entrypoint) of its own.</param>
/// <param name="Arguments">Added to the command where the pod gives neither command nor args (CMD).</param>
/// <param name="LogLinks">Files that are links to the container's standard output or error.</param>
/// <param name="StopSignal">Asks the program to end.</param>
public sealed record ContainerImage(
    string Source,
    IReadOnlyList<string> Command,
    IReadOnlyList<string> Arguments,
    IReadOnlyList<(string Link, string Target)> LogLinks,
    int StopSignal);

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

    /// <summary>Null, and the reason in one line with what to do, if nobody here has the image.</summary>
    public static ContainerImage? Find(string image, out string? reason)
    {
        reason = null;
        var name = ProgramOf(image);
        var path = name.Length == 0 ? null : PathOf(name);
        if (path is null)
        {
            reason = name.Length == 0
                ? $"image \"{image}\": not an image name"
                : $"image \"{image}\": nobody has it: there is no program {name} on this machine ({HowToGet(name)})";
            return null;
        }

        var source = $"program:{path}";
        return WellKnown.TryGetValue(name, out var known)
            ? known with { Source = source }
            : new ContainerImage(source, [path], [], [], Signals.Terminate);
    }

    /// <summary>Whether a pod with this image can run here.</summary>
    public static bool Resolve(string image, out string? reason) => Find(image, out reason) is not null;

    /// <summary>docker.io/library/nginx:1.25@sha256:… → nginx.</summary>
    internal static string ProgramOf(string image)
    {
        var name = image.Split('@')[0];
        name = name[(name.LastIndexOf('/') + 1)..];
        name = name.Split(':')[0];
        return name is "." or ".." ? "" : name;
    }

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
