using System.Text.Json;
using System.Text.Unicode;

namespace Podnet.Cni.Protocol;

/// <summary>Standard input, as far as it may be a network configuration.</summary>
internal static class ConfigInput
{
    /// <summary>1 MiB, arbitrary: a hundred times what a runtime sends.</summary>
    public const int MaxBytes = 1 << 20;

    public static JsonElement Parse(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            return JsonDocument.Parse(bytes).RootElement;
        }
        catch (JsonException e)
        {
            throw new CniException(CniErrorCode.Decode, "the network configuration on standard input is not JSON", e.Message);
        }
    }

    /// <summary>The parser lets pass what is no UTF-8, and "\ud800", half of a character, until somebody asks for that string or writes it.</summary>
    public static void RequireText(ReadOnlySpan<byte> bytes, JsonElement root)
    {
        try
        {
            if (!Utf8.IsValid(bytes))
                throw NoText("it is not UTF-8");
            if (bytes.IndexOf("\\u"u8) < 0)
                return;
            using var nowhere = new Utf8JsonWriter(Stream.Null, new JsonWriterOptions { Encoder = PlainJson.Encoder });
            root.WriteTo(nowhere);
        }
        catch (InvalidOperationException e)
        {
            throw NoText(e.Message);
        }
    }

    public static CniException NoText(string why) => new(CniErrorCode.Decode, "the network configuration has a string that is no text", why);

    public static ReadOnlyMemory<byte> ReadBounded(Stream input)
    {
        var buffer = new byte[8192]; // more than a usual configuration
        var length = 0;
        try
        {
            while (true)
            {
                var read = input.Read(buffer, length, buffer.Length - length);
                if (read == 0)
                    return buffer.AsMemory(0, length);
                length += read;
                if (length > MaxBytes)
                    throw new CniException(CniErrorCode.Decode, $"the network configuration is larger than {MaxBytes} bytes");
                if (length == buffer.Length)
                    Array.Resize(ref buffer, 2 * length);
            }
        }
        catch (IOException e)
        {
            throw new CniException(CniErrorCode.InputOutput, "cannot read the network configuration from standard input", e.Message);
        }
    }
}
