using System.Text.Json;

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
