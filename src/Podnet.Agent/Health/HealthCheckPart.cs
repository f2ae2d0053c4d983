using System.Net;
using System.Net.Sockets;
using Podnet.Agent.Config;
using Podnet.Core.Model;
using Podnet.Core.Services;

namespace Podnet.Agent.Health;

/// <summary>
/// healthCheckNodePorts: a load balancer asks each node whether a Service of policy Local has an endpoint there
/// (pkg/proxy/healthcheck/service_health.go). A port for each such Service, for as long as it is there.
/// </summary>
internal sealed class HealthCheckPart(AgentOptions options, AgentStatus status) : IDataplanePart, IDisposable
{
    private readonly Dictionary<ObjectName, Check> _checks = [];

    public string Name => "Health check node ports";

    public string? Apply(ClusterState state, ClusterChanges changes, bool readBack)
    {
        var node = state.Nodes.GetValueOrDefault(options.NodeName) ?? new Node(options.NodeName);
        var everything = changes.IsEverything || changes.Nodes || readBack;
        foreach (var name in everything ? state.Services.Keys.Union(_checks.Keys) : changes.Services)
        {
            var wanted = state.Services.GetValueOrDefault(name) is { HealthCheckNodePort: > 0 } service
                ? Wanted(service, state.SlicesOf(name), node)
                : null;
            if (wanted is not null && _checks.TryGetValue(name, out var there) && there.Port == wanted.Port)
                there.LocalEndpoints = wanted.LocalReadyEndpoints;
            else if (wanted is not null || _checks.ContainsKey(name))
                Replace(name, wanted);
        }

        Open(ServiceProxySettings.NodePortAddresses(options, node));
        return null;
    }

    /// <summary>What could not be opened is tried again; nobody else can have taken an open port away.</summary>
    public string? Repair()
    {
        foreach (var check in _checks.Values)
            TryOpen(check);
        return null;
    }

    public void Dispose()
    {
        foreach (var check in _checks.Values)
            check.Close();
    }

    /// <summary>A pod of both families is one endpoint: the family that has more of them counts.</summary>
    private static ServiceHealthCheck? Wanted(Service service, System.Collections.Immutable.ImmutableArray<EndpointSlice> slices, Node node) =>
        ((IPFamily[])[IPFamily.V4, IPFamily.V6])
            .SelectMany(family => ServicePlanner.PlanService(service, slices, node, family).HealthChecks)
            .MaxBy(check => check.LocalReadyEndpoints);

    private void Replace(ObjectName name, ServiceHealthCheck? wanted)
    {
        if (_checks.Remove(name, out var old))
            old.Close();
        if (wanted is not null)
            _checks[name] = new Check(name, wanted.Port) { LocalEndpoints = wanted.LocalReadyEndpoints };
    }

    private void Open(IReadOnlyCollection<IPNetwork> picked)
    {
        // As kube-proxy: everywhere, unless node ports answer on some addresses only.
        IReadOnlyList<IPAddress> addresses = picked.Count == 0 || picked.Any(network => network.PrefixLength == 0) || _checks.Count == 0
            ? [IPAddress.Any]
            : [.. ServiceProxySettings.InterfaceAddresses().Where(address => picked.Any(network => network.Contains(address))).Distinct()];
        foreach (var check in _checks.Values)
        {
            if (!check.Addresses.SequenceEqual(addresses))
                check.MoveTo(addresses);
            TryOpen(check);
        }
    }

    private void TryOpen(Check check)
    {
        foreach (var address in check.Missing())
        {
            var at = new IPEndPoint(address, check.Port);
            try
            {
                check.Responders[address] = HttpResponder.Open(at, _ => Answer(check), status.Logger);
                check.Said = false;
            }
            catch (SocketException e)
            {
                if (!check.Said)
                    status.Logger.HealthCheckFailed(check.Service, at, e.Message);
                check.Said = true;
            }
        }
    }

    /// <summary>The body to the letter, line breaks included.</summary>
    private HttpAnswer Answer(Check check)
    {
        var (count, healthy) = (check.LocalEndpoints, status.Health.IsHealthy);
        // Names of objects are DNS names: nothing in them to escape.
        var body = $"{{\n\t\"service\": {{\n\t\t\"namespace\": \"{check.Service.Namespace}\",\n\t\t\"name\": \"{check.Service.Name}\"\n\t}},\n"
            + $"\t\"localEndpoints\": {count},\n\t\"serviceProxyHealthy\": {(healthy ? "true" : "false")}\n}}";
        return new HttpAnswer(count > 0 && healthy ? 200 : 503, HttpAnswer.Json, body)
        {
            Headers = [("X-Load-Balancing-Endpoint-Weight", $"{count}")],
        };
    }

    private sealed class Check(ObjectName service, ushort port)
    {
        private volatile int _localEndpoints;

        public ObjectName Service { get; } = service;

        public ushort Port { get; } = port;

        public IReadOnlyList<IPAddress> Addresses { get; private set; } = [];

        public Dictionary<IPAddress, HttpResponder> Responders { get; } = [];

        /// <summary>That it could not be opened: once is enough.</summary>
        public bool Said { get; set; }

        /// <summary>Read by whoever asks, from any thread.</summary>
        public int LocalEndpoints
        {
            get => _localEndpoints;
            set => _localEndpoints = value;
        }

        public IEnumerable<IPAddress> Missing() => [.. Addresses.Where(address => !Responders.ContainsKey(address))];

        public void MoveTo(IReadOnlyList<IPAddress> addresses)
        {
            Addresses = addresses;
            foreach (var gone in Responders.Keys.Except(addresses).ToList())
            {
                Responders[gone].Dispose();
                Responders.Remove(gone);
            }
        }

        public void Close() => MoveTo([]);
    }
}
