namespace Podnet.Netlink;

/// <summary>
/// The queueing discipline tbf at a link's root: what the link sends is held to a rate, and what comes faster waits, or is dropped where the
/// queue is full. Packets count with their link headers (tc-tbf(8)).
/// </summary>
/// <param name="Rate">Bytes a second.</param>
/// <param name="Burst">
/// Bytes that go at once after a pause; packets that are larger never go. Read back it may be some bytes off: the kernel keeps the time
/// that they take.
/// </param>
/// <param name="Limit">Bytes that wait at most.</param>
public sealed record TokenBucket(ulong Rate, uint Burst, uint Limit);
