namespace Podnet.Netlink.Tests;

internal static class Hex
{
    /// <summary>Bytes from hex digits with white space anywhere.</summary>
    internal static byte[] Parse(string text) => Convert.FromHexString(string.Concat(text.Where(c => !char.IsWhiteSpace(c))));

    /// <summary>As strace and hexdump show them, 16 to a line, for a difference that can be read.</summary>
    internal static string Print(ReadOnlySpan<byte> bytes) =>
        string.Join('\n', bytes.ToArray().Chunk(16).Select(line => string.Join(' ', line.Select(b => b.ToString("x2")))));

    /// <summary>Equal but for the sequence numbers, which are the sender's business.</summary>
    internal static void AssertEqual(string golden, ReadOnlySpan<byte> messages) => Assert.Equal(Print(Unnumber(Parse(golden))), Print(Unnumber(messages.ToArray())));

    private static byte[] Unnumber(byte[] messages)
    {
        for (var at = 0; at < messages.Length; at += (BitConverter.ToInt32(messages, at) + 3) & ~3)
            messages.AsSpan(at + 8, 4).Clear();
        return messages;
    }
}
