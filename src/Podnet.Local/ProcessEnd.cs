using Podnet.Linux;

namespace Podnet.Local;

/// <summary>Ends processes that are only known by a mark of theirs.</summary>
internal static class ProcessEnd
{
    // Arbitrary: a killed process is gone within milliseconds unless it hangs in the kernel.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    // Arbitrary: between two looks.
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(5);

    /// <summary>Kills until none is left: a process may have started another while it was looked for.</summary>
    /// <param name="find">Asked before each round; this process itself is never killed.</param>
    /// <exception cref="TimeoutException">A killed process does not end.</exception>
    internal static void KillAll(Func<IEnumerable<int>> find)
    {
        List<int> alive = [];
        Until(
            () =>
            {
                alive = [.. find().Where(pid => pid != Environment.ProcessId && ProcessTable.IsAlive(pid))];
                foreach (var pid in alive)
                    Signals.Send(pid, Signals.Kill);
                return alive.Count == 0;
            },
            () => $"processes {string.Join(' ', alive)} do not end though they were killed");
    }

    /// <summary>Asks until it is so.</summary>
    /// <exception cref="TimeoutException">It never was.</exception>
    internal static void Until(Func<bool> done, Func<string> otherwise)
    {
        var deadline = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
        while (!done())
        {
            if (Environment.TickCount64 > deadline)
                throw new TimeoutException(otherwise());
            Thread.Sleep(Breath);
        }
    }
}
