namespace Podnet.Netlink;

/// <summary>A BPF program that is to see what comes in by a link.</summary>
/// <param name="Descriptor">Of the loaded program, valid until the request is carried out.</param>
/// <param name="Name">For whoever lists filters.</param>
/// <param name="Priority">Filters of a smaller one are asked before.</param>
public sealed record PacketProgram(int Descriptor, string Name, ushort Priority);

/// <summary>A BPF program that sees what comes in by a link.</summary>
/// <param name="Handle">Tells it from others of the same priority.</param>
public sealed record AttachedProgram(int Device, uint Handle, ushort Priority)
{
    public string Name { get; init; } = "";

    public uint ProgramId { get; init; }
}

/// <summary>A queueing discipline.</summary>
/// <param name="IsRoot">It has what the link sends; else it is a part of another, or places for filters.</param>
/// <param name="Kind">"noqueue", "tbf", "clsact" …</param>
public sealed record LinkQueue(int Device, bool IsRoot, string Kind)
{
    /// <summary>The link has places for filters.</summary>
    public bool IsHooks => Kind == "clsact";
}
