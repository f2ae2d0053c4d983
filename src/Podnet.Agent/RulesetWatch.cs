using Podnet.Core.Nftables;
using Podnet.Netlink.Nftables;

namespace Podnet.Agent;

/// <summary>Waits for somebody else to change what the agent keeps in nf_tables, so that it is put back at once and not only at the next look.</summary>
internal static class RulesetWatch
{
    /// <summary>Until cancelled, on a thread of its own.</summary>
    /// <param name="ours">Whether a change is the agent's own, by the port that it was sent from.</param>
    /// <param name="look">Called when it is not.</param>
    public static Task RunAsync(Func<uint, bool> ours, Action look, CancellationToken ct) => Task.Factory.StartNew(
        () =>
        {
            using var events = new NftablesEvents();
            while (!ct.IsCancellationRequested)
            {
                if (events.Receive(ct).Any(happened => IsDamage(happened) && !ours(happened.Port)))
                    look();
            }
        },
        ct, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>What was lost may have been damage.</summary>
    private static bool IsDamage(NftablesEvent happened) =>
        happened.Subject == NftablesSubject.Lost || happened.Table?.Name == ServiceTable.Name;
}
