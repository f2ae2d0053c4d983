using System.Diagnostics;

namespace Podnet.Testing;

/// <summary>Asks again until the answer is right.</summary>
public static class Poll
{
    /// <summary>Arbitrary: far beyond what a loaded machine needs. A right answer ends it at once.</summary>
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    /// <param name="otherwise">What to say where it never was.</param>
    /// <remarks>On the calling thread, whose namespaces may be others than the process has.</remarks>
    public static void Until(Func<bool> holds, Func<string> otherwise)
    {
        for (var began = Stopwatch.GetTimestamp(); !holds(); Thread.Sleep(Pause))
            ThrowIfLate(began, otherwise);
    }

    /// <inheritdoc cref="Until"/>
    public static Task UntilAsync(Func<bool> holds, Func<string> otherwise) => UntilAsync(() => Task.FromResult(holds()), otherwise);

    /// <inheritdoc cref="Until"/>
    public static async Task UntilAsync(Func<Task<bool>> holds, Func<string> otherwise)
    {
        for (var began = Stopwatch.GetTimestamp(); !await holds().ConfigureAwait(false); await Task.Delay(Pause).ConfigureAwait(false))
            ThrowIfLate(began, otherwise);
    }

    private static void ThrowIfLate(long began, Func<string> otherwise)
    {
        if (Stopwatch.GetElapsedTime(began) > Deadline)
            throw new TimeoutException($"not within {Deadline.TotalSeconds} s: {otherwise()}");
    }
}
