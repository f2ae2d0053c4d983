using System.Diagnostics;
using Podnet.Linux;

namespace Podnet.Bench;

/// <summary>ADD and DEL of two plugins in turn, in the calling process's network namespace: from the start of the process to its end.</summary>
internal static class CniCalls
{
    /// <param name="plugins">Each a program and the file of its configuration; the first round, not counted, makes what no pod pays for.</param>
    /// <returns>In milliseconds, the medians: ADD of each plugin, then DEL of each.</returns>
    public static double[] Run(string namespaceFolder, int pods, int rounds, params (string Program, string ConfigFile)[] plugins)
    {
        var configs = plugins.Select(plugin => File.ReadAllBytes(plugin.ConfigFile)).ToArray();
        var times = Enumerable.Range(0, 2 * plugins.Length).Select(_ => new List<double>()).ToArray();
        for (var round = 0; round <= rounds; round++)
        {
            for (var i = 0; i < plugins.Length; i++)
            {
                // A pod's namespace is free of the plugin before it: both have as many, used as often.
                var pod = (round % pods) + 1;
                var add = Call("ADD", plugins[i].Program, configs[i], $"{namespaceFolder}/pod{pod}");
                var delete = Call("DEL", plugins[i].Program, configs[i], $"{namespaceFolder}/pod{pod}");
                if (round == 0)
                    continue;
                times[i].Add(add);
                times[plugins.Length + i].Add(delete);
            }
        }

        return [.. times.Select(list => list.Order().ElementAt(list.Count / 2))];
    }

    private static double Call(string command, string program, byte[] config, string netns)
    {
        var start = new ProcessStart(program, [])
        {
            Environment = new Dictionary<string, string?>
            {
                ["CNI_COMMAND"] = command,
                ["CNI_CONTAINERID"] = Path.GetFileName(netns),
                ["CNI_NETNS"] = netns,
                ["CNI_IFNAME"] = "eth0",
                ["CNI_PATH"] = Path.GetDirectoryName(program),
                ["CNI_ARGS"] = "",
            },
        };
        var clock = Stopwatch.GetTimestamp();
        var result = ChildProcess.Run(start, config, ChildProcess.DefaultTimeout);
        var time = Stopwatch.GetElapsedTime(clock).TotalMilliseconds;
        return result.Succeeded ? time : throw new InvalidOperationException($"{program} {command}: {result.StandardOutput}{result.StandardError}");
    }
}
