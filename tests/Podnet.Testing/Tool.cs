using Podnet.Linux;

namespace Podnet.Testing;

/// <summary>A program from Debian, run where the calling thread is.</summary>
public static class Tool
{
    public static string Run(string program, params string[] arguments)
    {
        var result = ChildProcess.Run(program, arguments);
        return result.Succeeded
            ? result.StandardOutput
            : throw new InvalidOperationException(
                $"{program} {string.Join(' ', arguments)}: {result.Status}: {result.StandardError}{result.StandardOutput}");
    }
}
