using System.Diagnostics;

namespace Podnet.Agent.Tests;

internal static class Poll
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    public static async Task UntilAsync(Func<bool> holds, Func<string> otherwise)
    {
        for (var began = Stopwatch.GetTimestamp(); !holds(); await Task.Delay(5))
            Assert.True(Stopwatch.GetElapsedTime(began) < Deadline, otherwise());
    }
}
