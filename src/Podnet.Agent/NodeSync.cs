using System.Text;
using Podnet.Core.Model;

namespace Podnet.Agent;

/// <summary>
/// What the agent would do for one state of a cluster, once: in the network namespace of the calling thread, without an API server,
/// health servers or metrics.
/// </summary>
public static class NodeSync
{
    /// <summary>Says what was done, a line each; nothing where all was right. False if something was refused: the rest was done.</summary>
    public static bool Apply(AgentOptions options, ClusterState state, TextWriter output)
    {
        var status = new AgentStatus(options);
        using var dataplane = new NodeDataplane(options, status);
        var all = true;
        foreach (var part in PartsFor(state, dataplane))
        {
            try
            {
                if (part.Apply(state, ClusterChanges.Everything, readBack: true) is { } done)
                    output.WriteLine($"{part.Name}: {done}");
                status.Applied(part, TimeSpan.Zero, readBack: true);
            }
            catch (IOException e)
            {
                all = false;
                status.Failed(part);
                output.WriteLine($"{part.Name}: {e.Message}");
            }
        }
        return all;
    }

    /// <summary>
    /// What <see cref="Apply"/> would do, changing nothing; empty where all is right. It is text for one program, nft or iptables-restore
    /// as the proxy mode is, in which all that is for others stands as comments.
    /// </summary>
    public static string Preview(AgentOptions options, ClusterState state)
    {
        using var dataplane = new NodeDataplane(options);
        var text = new StringBuilder();
        foreach (var part in PartsFor(state, dataplane).OfType<IPreviewedPart>())
        {
            foreach (var (tool, change) in part.Preview(state).Texts)
            {
                var comment = IsOfMode(tool, options.ProxyMode) ? "" : "# ";
                text.Append($"# {part.Name}: {tool}\n");
                foreach (var line in change.AsSpan().TrimEnd('\n').EnumerateLines())
                    text.Append(comment).Append(line).Append('\n');
            }
        }
        return text.ToString();
    }

    /// <summary>Where nothing is said of nodes, what is there for nodes is not taken away.</summary>
    private static IEnumerable<IDataplanePart> PartsFor(ClusterState state, NodeDataplane dataplane) =>
        dataplane.KernelParts.Where(part => !state.Nodes.IsEmpty || part is not (RoutesPart or EgressPart));

    private static bool IsOfMode(string tool, ProxyMode mode) => tool switch
    {
        Tools.Shell => false,
        Tools.Nft => mode == ProxyMode.Nftables,
        _ => mode == ProxyMode.Iptables,
    };
}
