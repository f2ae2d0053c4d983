using System.Text.Encodings.Web;

namespace Podnet.Cni.Protocol;

/// <summary>
/// Escapes what RFC 8259, 7, wants escaped, and nothing else: the output is for programs and terminals, not for a page of HTML. The library's own
/// encoders look up all of Unicode before the first character, which takes 0.13 ms.
/// </summary>
internal sealed unsafe class PlainJson : JavaScriptEncoder
{
    /// <summary>\uXXXX</summary>
    private const int EscapeLength = 6;

    public static PlainJson Encoder { get; } = new();

    public override int MaxOutputCharactersPerInputCharacter => EscapeLength;

    public override bool WillEncode(int unicodeScalar) => unicodeScalar is < 0x20 or '"' or '\\';

    public override int FindFirstCharacterToEncode(char* text, int textLength)
    {
        for (var i = 0; i < textLength; i++)
        {
            // Half a pair is for the caller to replace.
            if (WillEncode(text[i]) || char.IsSurrogate(text[i]))
                return i;
        }

        return -1;
    }

    public override bool TryEncodeUnicodeScalar(int unicodeScalar, char* buffer, int bufferLength, out int numberOfCharactersWritten)
    {
        var room = new Span<char>(buffer, bufferLength);
        numberOfCharactersWritten = 0;
        return unicodeScalar is '"' or '\\'
            ? room.TryWrite($"\\{(char)unicodeScalar}", out numberOfCharactersWritten)
            : room.TryWrite($"\\u{unicodeScalar:x4}", out numberOfCharactersWritten);
    }
}
