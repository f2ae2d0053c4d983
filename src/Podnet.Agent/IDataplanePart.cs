using Podnet.Core.Model;

namespace Podnet.Agent;

/// <summary>One kind of kernel resource of this node, kept as the cluster wants it. Called from one thread only.</summary>
internal interface IDataplanePart
{
    /// <summary>For the log: "routes".</summary>
    string Name { get; }

    /// <summary>Brings the kernel to what this state wants, touching only what differs.</summary>
    /// <param name="changes">
    /// What of the state may be another than at this part's last <see cref="Apply"/> that did not throw; at first everything.
    /// </param>
    /// <param name="readBack">
    /// Trust nothing that is remembered about the kernel: somebody may have changed it. Without it, a part may go by what it wrote.
    /// </param>
    /// <returns>What was done, for the log; null if nothing had to be.</returns>
    string? Apply(ClusterState state, ClusterChanges changes, bool readBack);

    /// <summary>
    /// A cheap look at whether what was written is there still, about once a second; what is not is put back. Of single rules that
    /// somebody changed among many it need not know.
    /// </summary>
    /// <returns>What was put back; null if nothing had to be.</returns>
    string? Repair();
}
