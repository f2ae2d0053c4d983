using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Rules;

namespace Podnet.Core.Trace;

/// <summary>The first packet of a connection, as it reaches a node or leaves a program on it.</summary>
public sealed record Packet(IPAddress Source, IPAddress Destination, Protocol Protocol, ushort Port)
{
    /// <summary>The interface of the node that it comes in by; null if the node itself sends it.</summary>
    public string? In { get; init; }

    /// <summary>The endpoint that the Service keeps for this client (session affinity); null if it does not know the client.</summary>
    public PacketTarget? Session { get; init; }

    public IPFamily Family => Destination.Family();

    /// <summary>"10.240.0.28 in by eth0 → tcp 10.0.33.45:80".</summary>
    public override string ToString() =>
        $"{AddressText.Of(Source)} {(In is null ? "from the node itself" : $"in by {In}")} → {RuleWords.Of(Protocol)} {AddressText.Of(Destination, Port)}";
}

/// <summary>Where a packet is to go.</summary>
public readonly record struct PacketTarget(IPAddress Address, ushort Port)
{
    public override string ToString() => AddressText.Of(Address, Port);
}
