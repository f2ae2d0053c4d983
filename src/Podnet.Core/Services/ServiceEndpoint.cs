using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;

namespace Podnet.Core.Services;

/// <summary>An address and port that a ServicePort's traffic can go to.</summary>
/// <param name="IsLocal">It runs on this node.</param>
public sealed record ServiceEndpoint(IPAddress Address, ushort Port, bool IsLocal)
{
    /// <summary>"10.240.0.28:80": its name in rules, and what it is sorted by. Made anew each time: most are never asked for it.</summary>
    public string Text => AddressText.Of(Address, Port);

    /// <summary>It is known to run on another node. (Where its node is not known it may be this one.)</summary>
    public bool IsElsewhere { get; init; }

    public bool Ready { get; init; }

    public bool Serving { get; init; }

    public bool Terminating { get; init; }

    public ImmutableArray<string> ZoneHints { get; init; } = [];

    public ImmutableArray<string> NodeHints { get; init; } = [];

    /// <summary>Not ready any more, but good enough where nothing is ready: it still answers while it winds down.</summary>
    public bool ServesWhileTerminating => Serving && Terminating;
}
