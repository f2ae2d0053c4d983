namespace Podnet.Dataplane.Iptables;

/// <summary>What an iptables program refused, with its own words and the line of the input that it stopped at.</summary>
public sealed class IptablesException(string message, string? line = null) : IOException(message)
{
    /// <summary>The line of the input, where the program named one.</summary>
    public string? Line { get; } = line;
}
