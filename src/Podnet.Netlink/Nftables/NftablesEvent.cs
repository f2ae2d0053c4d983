namespace Podnet.Netlink.Nftables;

/// <summary>One thing that somebody changed in the ruleset.</summary>
/// <param name="IsNew">False where it was deleted.</param>
public sealed record NftablesEvent(NftablesSubject Subject, bool IsNew)
{
    /// <summary>Where it was; null for Generation and Lost.</summary>
    public TableName? Table { get; init; }

    /// <summary>Of the chain (a rule's, too) or the set (an element's, too); else empty.</summary>
    public string Name { get; init; } = "";

    /// <summary>Of elements. An interval that is no concatenation has both its edges here.</summary>
    public IReadOnlyList<ByteString> Keys { get; init; } = [];

    /// <summary>Port id of the socket that did it; see <see cref="NftablesSocket.Port"/>.</summary>
    public uint Port { get; init; }

    /// <summary>Which generation a transaction made; who did it. Comes after the transaction's other events.</summary>
    public NftablesGeneration? Generation { get; init; }
}

/// <summary>What an event is about.</summary>
public enum NftablesSubject
{
    Table,
    Chain,
    Rule,
    Set,
    Element,
    Generation,

    /// <summary>What Podnet makes none of: objects, flowtables.</summary>
    Other,

    /// <summary>The kernel had to drop events, as they came faster than they were read: anything may have changed.</summary>
    Lost,
}

/// <summary>A committed transaction.</summary>
/// <param name="Id">See <see cref="NftablesSocket.Generation"/>.</param>
/// <param name="ThreadId">Of the thread that sent it, which is a process's id where that has but one; as the first PID namespace has it.</param>
/// <param name="ThreadName">Its comm: up to 15 bytes; of most programs the program's name.</param>
public sealed record NftablesGeneration(uint Id, int ThreadId, string ThreadName);
