using System.Net;
using System.Net.Sockets;
using Podnet.Core.Model;

namespace Podnet.Local.ApiServer;

/// <summary>
/// Which cluster IPs and node ports are taken, and by whom. It follows the stored Services, so it holds nothing that would have to be
/// kept; it is only used while the store is written, which is one at a time.
/// </summary>
internal sealed class ServiceAllocator(IReadOnlyList<IPNetwork> cidrs)
{
    /// <summary>Kubernetes' --service-node-port-range default.</summary>
    public const int FirstNodePort = 30000;
    public const int LastNodePort = 32767;

    private readonly Dictionary<IPAddress, ObjectName> _addresses = [];
    private readonly Dictionary<int, ObjectName> _nodePorts = [];

    public IReadOnlyList<IPNetwork> Cidrs { get; } = cidrs;

    public void Take(ObjectName service, IEnumerable<IPAddress> addresses, IEnumerable<int> nodePorts)
    {
        foreach (var address in addresses)
            _addresses[address] = service;
        foreach (var port in nodePorts)
            _nodePorts[port] = service;
    }

    public void Release(ObjectName service, IEnumerable<IPAddress> addresses, IEnumerable<int> nodePorts)
    {
        foreach (var address in addresses)
        {
            if (_addresses.GetValueOrDefault(address) == service)
                _addresses.Remove(address);
        }
        foreach (var port in nodePorts)
        {
            if (_nodePorts.TryGetValue(port, out var owner) && owner == service)
                _nodePorts.Remove(port);
        }
    }

    /// <returns>Why the Service cannot have the address, in Kubernetes' words; null if it can.</returns>
    public string? Refusal(ObjectName service, IPAddress address)
    {
        var cidr = Cidrs.FirstOrDefault(c => c.BaseAddress.AddressFamily == address.AddressFamily && c.Contains(address));
        if (cidr == default)
        {
            var range = Cidrs.FirstOrDefault(c => c.BaseAddress.AddressFamily == address.AddressFamily, Cidrs[0]);
            return $"failed to allocate IP {address}: the provided IP ({address}) is not in the valid range. The range of valid IPs is {range}";
        }
        var isEdge = address.Equals(cidr.BaseAddress) || (address.AddressFamily == AddressFamily.InterNetwork && address.Equals(cidr.At((UInt128)Size(cidr) - 1)));
        if (isEdge)
            return $"failed to allocate IP {address}: the provided IP ({address}) is not in the valid range. The range of valid IPs is {cidr}";
        return _addresses.TryGetValue(address, out var owner) && owner != service
            ? $"failed to allocate IP {address}: provided IP is already allocated"
            : null;
    }

    /// <summary>
    /// A free address. As in Kubernetes (KEP-3070) the lower band, min(max(16, size/16), 256) addresses, is left to those who ask for
    /// one by number; and the place is random, so that an address just given up is not at once another's.
    /// </summary>
    /// <returns>Null where none is free.</returns>
    public IPAddress? Free(AddressFamily family)
    {
        var cidr = Cidrs.FirstOrDefault(c => c.BaseAddress.AddressFamily == family);
        if (cidr == default)
            return null;
        var last = Size(cidr) - (family == AddressFamily.InterNetwork ? 2 : 1);
        var band = Math.Min(Math.Max(16, Size(cidr) / 16), 256);
        return (band < last ? FreeBetween(cidr, band, last) : null) ?? FreeBetween(cidr, 1, Math.Min(band, last));
    }

    /// <returns>Why the Service cannot have the node port; null if it can.</returns>
    public string? Refusal(ObjectName service, int nodePort)
    {
        if (nodePort is < FirstNodePort or > LastNodePort)
            return $"provided port is not in the valid range. The range of valid ports is {FirstNodePort}-{LastNodePort}";
        return _nodePorts.TryGetValue(nodePort, out var owner) && owner != service ? "provided port is already allocated" : null;
    }

    /// <param name="alsoTaken">Ports that the same Service is about to have.</param>
    /// <returns>Null where none is free.</returns>
    public int? FreeNodePort(ICollection<int> alsoTaken)
    {
        const int count = LastNodePort - FirstNodePort + 1;
        var start = Random.Shared.Next(count);
        for (var i = 0; i < count; i++)
        {
            var port = FirstNodePort + ((start + i) % count);
            if (!_nodePorts.ContainsKey(port) && !alsoTaken.Contains(port))
                return port;
        }
        return null;
    }

    private IPAddress? FreeBetween(IPNetwork cidr, long first, long last)
    {
        var count = last - first + 1;
        var start = count > 0 ? Random.Shared.NextInt64(count) : 0;
        for (var i = 0L; i < count; i++)
        {
            var candidate = cidr.At((UInt128)(first + ((start + i) % count)));
            if (!_addresses.ContainsKey(candidate))
                return candidate;
        }
        return null;
    }

    /// <summary>In addresses; IPv6 is capped at 2^20, which is Kubernetes' limit for a Service CIDR.</summary>
    private static long Size(IPNetwork cidr)
    {
        var bits = cidr.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        return 1L << Math.Min(bits - cidr.PrefixLength, bits == 32 ? 32 : 20);
    }
}
