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
        AdoptServices(state, dataplane);
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
        List<PartPreview> previews = [];
        foreach (var part in PartsFor(state, dataplane).OfType<IPreviewedPart>())
        {
            var preview = part.Preview(state);
            previews.Add(preview);
            foreach (var (tool, change) in preview.Texts)
            {
                var comment = IsOfMode(tool, options.ProxyMode) ? "" : "# ";
                text.Append($"# {part.Name}: {tool}\n");
                foreach (var line in change.AsSpan().TrimEnd('\n').EnumerateLines())
                    text.Append(comment).Append(line).Append('\n');
            }
        }
        var touched = ConntrackOf(dataplane).Preview(
            state, [.. previews.SelectMany(preview => preview.Before)], [.. previews.SelectMany(preview => preview.Wanted)]);
        foreach (var effect in touched.Select(group => group.ToString()).Concat(previews.SelectMany(preview => preview.Effects)))
            text.Append($"# {effect}\n");
        return text.ToString();
    }

    /// <summary>Before rules change: UDP connections to the addresses that go end, too, and nobody else could say whose they were.</summary>
    private static void AdoptServices(ClusterState state, NodeDataplane dataplane)
    {
        try
        {
            ConntrackOf(dataplane).Adopt(dataplane.KernelParts.OfType<IServicesPart>().SelectMany(part => part.Preview(state).Before).ToList());
        }
        catch (IOException)
        {
            // Rules that cannot be read cannot be written either: the part says so itself, and connections are left alone then.
        }
    }

    private static ConntrackPart ConntrackOf(NodeDataplane dataplane) => dataplane.KernelParts.OfType<ConntrackPart>().Single();

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
