using Podnet.Local;

namespace Podnet.Cli;

/// <summary>The programs that are built with podnet and lie beside it.</summary>
internal static class CompanionPrograms
{
    internal static Companions Find()
    {
        var podnet = Environment.ProcessPath ?? throw new UserError("the path of this program is unknown: is /proc mounted?");
        var folder = Path.GetDirectoryName(podnet)!;
        return new Companions(podnet, Beside(folder, "podnet-cni"), Beside(folder, "pause"));
    }

    private static string Beside(string folder, string program)
    {
        var path = Path.Combine(folder, program);
        return File.Exists(path)
            ? path
            : throw new UserError($"{program} is not beside podnet in {folder}: build all three with 'make build'");
    }
}
