using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Podnet.Core.Model;
using Podnet.Core.Rules;

namespace Podnet.Core.Nftables;

/// <summary>What a chain that is made for a number of endpoints does.</summary>
public enum ChainRole
{
    /// <summary>Cluster IPs: what is not from a pod is masqueraded.</summary>
    ClusterIP,

    /// <summary>Cluster IPs with internalTrafficPolicy Local.</summary>
    LocalClusterIP,

    /// <summary>External and load balancer IPs: masqueraded.</summary>
    External,

    /// <summary>External and load balancer IPs with externalTrafficPolicy Local.</summary>
    LocalExternal,

    NodePort,

    /// <summary>Node ports with externalTrafficPolicy Local.</summary>
    LocalNodePort,
}

/// <summary>
/// Names a chain that a Service's address leads to. Many Services share it: it says how many endpoints there are to choose from,
/// and the maps say which.
/// </summary>
/// <param name="Cluster">Endpoints in the cluster; 0 where the role asks for none.</param>
/// <param name="Local">Endpoints on this node; 0 where the role asks for none, or there is none.</param>
/// <param name="KeepsSessions">A client goes to the endpoint that it was at before.</param>
/// <param name="SessionsOf">
/// The cluster IP under which the sessions are kept: such a chain is one ServicePort's alone. Null where the address is the cluster IP itself.
/// </param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct ServiceChain(ChainRole Role, int Cluster, int Local, bool KeepsSessions, FrontendAddress? SessionsOf)
{
    public string Name => Role switch
    {
        ChainRole.ClusterIP => $"cluster-ip-{Cluster}",
        ChainRole.LocalClusterIP => $"local-cluster-ip-{Local}",
        ChainRole.External => $"external-{Cluster}",
        ChainRole.LocalExternal => $"local-external-{Cluster}-{Local}",
        ChainRole.NodePort => $"node-port-{Cluster}",
        _ => $"local-node-port-{Cluster}-{Local}",
    } + Suffix;

    /// <summary>The chains that it sends packets on to, which exist while it does.</summary>
    public ImmutableArray<BalanceChain> Balances
    {
        get
        {
            var chains = ImmutableArray.CreateBuilder<BalanceChain>(2);
            var port = Role is ChainRole.NodePort or ChainRole.LocalNodePort;
            if (Cluster > 0)
                chains.Add(new BalanceChain(port, IsLocal: false, Cluster));
            if (Local > 0)
                chains.Add(new BalanceChain(port, IsLocal: true, Local));
            return chains.DrainToImmutable();
        }
    }

    private string Suffix => KeepsSessions ? $"-sessions{SessionChain.Suffix(SessionsOf)}" : "";

    internal TableChain Rules(IPFamily family, ServiceProxyConfig config)
    {
        var balances = Balances;
        ImmutableArray<TableRule> rules = Role switch
        {
            ChainRole.ClusterIP or ChainRole.LocalClusterIP => [new([new Jump(FixedChains.NotFromPod)]), .. Choose([], balances[0])],
            ChainRole.External or ChainRole.NodePort => [new([new SetMark(config.MasqueradeMark)]), .. Choose([], balances[0])],
            _ => LocalRules(family, config, balances),
        };
        return new TableChain(Name, rules);
    }

    /// <summary>
    /// externalTrafficPolicy Local binds who comes from outside. Pods and the node itself stay free to use the cluster's endpoints, as
    /// kube-proxy lets them.
    /// </summary>
    private ImmutableArray<TableRule> LocalRules(
        IPFamily family, ServiceProxyConfig config, ImmutableArray<BalanceChain> balances)
    {
        var rules = ImmutableArray.CreateBuilder<TableRule>();
        if (FixedChains.FromPod(config, family, inverted: false) is { } fromPod)
            rules.AddRange(Choose([fromPod], balances[0], "pods are not bound by policy Local"));
        rules.AddRange(Choose([new FromNode(), new SetMark(config.MasqueradeMark)], balances[0], "nor is the node itself"));
        if (Local > 0)
            rules.AddRange(Choose([], balances[1]));
        return rules.DrainToImmutable();
    }

    /// <summary>Sends those whom the statements let through to the endpoint that they were at, or else to one of them all.</summary>
    private IEnumerable<TableRule> Choose(ImmutableArray<Statement> who, BalanceChain balance, string? comment = null)
    {
        if (KeepsSessions)
            yield return new([.. who, new InSet(ServiceSet.Transports), new ToSession(SessionChain.MapOf(balance.IsLocal), SessionsOf)]) { Comment = comment };
        yield return new([.. who, new Goto(balance.Name)]) { Comment = comment };
    }
}

/// <summary>Names a chain that chooses one of so many endpoints.</summary>
/// <param name="ByNodePort">By the port alone: it is reached by any of the node's addresses.</param>
/// <param name="IsLocal">Of those on this node.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct BalanceChain(bool ByNodePort, bool IsLocal, int Count)
{
    public string Name => $"{(IsLocal ? "local-" : "")}{(ByNodePort ? "node-port-" : "")}balance-{Count}";

    /// <summary>The map that has its endpoints.</summary>
    public ServiceSet Map => (ByNodePort, IsLocal) switch
    {
        (false, false) => ServiceSet.Endpoints,
        (false, true) => ServiceSet.LocalEndpoints,
        (true, false) => ServiceSet.NodePortEndpoints,
        (true, true) => ServiceSet.LocalNodePortEndpoints,
    };

    internal TableChain Rules() => new(Name, [new([new InSet(ServiceSet.Transports), new ToEndpoint(Map, Count)])]);
}
