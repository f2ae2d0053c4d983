using Podnet.Dataplane.Nftables;

namespace Podnet.Agent;

/// <summary>Waits for somebody else to change what the agent keeps in nf_tables, so that it is put back at once and not only at the next look.</summary>
internal static class RulesetWatch
{
    /// <summary>Until cancelled, on a thread of its own.</summary>
    /// <param name="ruleset">Once the loop's thread has made it.</param>
    /// <param name="look">Called when somebody has.</param>
    public static async Task RunAsync(Task<Ruleset> ruleset, Action look, CancellationToken ct)
    {
        var watched = await ruleset.WaitAsync(ct);
        await Task.Factory.StartNew(
            () =>
            {
                while (!ct.IsCancellationRequested)
                {
                    watched.WaitForOthers(ct);
                    look();
                }
            },
            ct, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }
}
