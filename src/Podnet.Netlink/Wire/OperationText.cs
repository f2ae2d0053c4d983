using System.Runtime.CompilerServices;

namespace Podnet.Netlink;

/// <summary>
/// What a request asks for, in words, for the message of its error: "add route 10.0.1.0/24". An interpolated string whose parts are put
/// together when an error wants them: the words would take longer than the request, and in a process that lives for milliseconds the
/// first nested ones cost 0.2 ms (the pool of their buffers measures how fast the processor's number can be read).
/// </summary>
[InterpolatedStringHandler]
public readonly struct OperationText
{
    private readonly List<object?> _parts;

    public OperationText(int literalLength, int formattedCount) => _parts = new List<object?>((2 * formattedCount) + 1);

    public void AppendLiteral(string text) => _parts.Add(text);

    /// <param name="value">Must not change later.</param>
    public void AppendFormatted(object? value) => _parts.Add(value);

    public override string ToString() => string.Concat(_parts);
}
