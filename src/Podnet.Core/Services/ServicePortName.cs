using Podnet.Core.Model;

namespace Podnet.Core.Services;

/// <summary>Identity of a ServicePort, printed as Kubernetes does: "default/nginx:web", "team-a/plain" where the port has no name.</summary>
public readonly record struct ServicePortName(ObjectName Service, string Port, Protocol Protocol) : IComparable<ServicePortName>
{
    public int CompareTo(ServicePortName other)
    {
        var byService = Service.CompareTo(other.Service);
        if (byService != 0)
            return byService;
        var byPort = string.CompareOrdinal(Port, other.Port);
        return byPort != 0 ? byPort : Protocol.CompareTo(other.Protocol);
    }

    public override string ToString() => Port.Length == 0 ? $"{Service}" : $"{Service}:{Port}";
}
