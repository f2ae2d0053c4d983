using System.Text;
using k8s.Models;

namespace Podnet.Local.Kubelet;

/// <summary>The last words of a container: what it left in the file at its terminationMessagePath, or the end of its log.</summary>
internal static class TerminationMessage
{
    /// <summary>Bytes (pkg/kubelet/container, MaxContainerTerminationMessageLength).</summary>
    private const int MostOfFile = 4096;

    /// <summary>Bytes and lines (MaxContainerTerminationMessageLogLength, -Lines).</summary>
    private const int MostOfLog = 2048;
    private const int MostLines = 80;

    private const int Everybody = 0x1B6; // 0666

    /// <summary>Makes the file, in the container's folder, and says where the container finds it.</summary>
    public static OciMount Mount(V1Container container, string folder)
    {
        File.WriteAllBytes(FileIn(folder), []);
        File.SetUnixFileMode(FileIn(folder), (UnixFileMode)Everybody);
        return OciDefaults.Bind(FileIn(folder), container.TerminationMessagePath is { Length: > 0 } path ? path : "/dev/termination-log");
    }

    /// <returns>Null where it left none.</returns>
    public static string? Of(V1Container container, RunningContainer ended, int exitCode)
    {
        if (ReadFrom(FileIn(ended.Folder)) is { Length: > 0 } said)
            return said;
        if (exitCode == 0 || container.TerminationMessagePolicy != "FallbackToLogsOnError" || !File.Exists(ended.Log))
            return null;
        using var log = File.OpenRead(ended.Log);
        var end = Read(log, Math.Max(0, log.Length - MostOfLog), MostOfLog);
        var lines = end.Split('\n');
        // The last of them is what comes after the last newline.
        return end.Length == 0 ? null : string.Join('\n', lines[Math.Max(0, lines.Length - 1 - MostLines)..]);
    }

    private static string ReadFrom(string path)
    {
        if (!File.Exists(path))
            return "";
        using var file = File.OpenRead(path);
        return Read(file, 0, MostOfFile);
    }

    private static string FileIn(string folder) => $"{folder}/termination-log";

    private static string Read(FileStream file, long from, int most)
    {
        file.Position = from;
        var bytes = new byte[most];
        return Encoding.UTF8.GetString(bytes.AsSpan(0, file.ReadAtLeast(bytes, most, throwOnEndOfStream: false)));
    }
}
