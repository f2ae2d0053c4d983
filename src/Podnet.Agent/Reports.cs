using Podnet.Dataplane;

namespace Podnet.Agent;

internal static class Reports
{
    /// <summary>Changes to name in one line; of more than these, the number says enough. Arbitrary.</summary>
    private const int Named = 5;

    /// <summary>What a driver did, for the log; null if nothing had to be done.</summary>
    /// <exception cref="IOException">The kernel refused a part of it: it is to be tried again.</exception>
    public static string? Text(ApplyReport report)
    {
        var done = string.Join("; ", report.Changes.Take(Named));
        if (report.Changes.Length > Named)
            done += $"; and {report.Changes.Length - Named} more";
        if (report.Failed)
        {
            var failed = string.Join("; ", report.Failures.Take(Named).Select(failure => failure.Message));
            throw new IOException($"{report.Failures.Length} refused by the kernel: {failed}{(report.Changed ? $" (done: {done})" : "")}");
        }
        return report.Changed ? done : null;
    }
}
