using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Podnet.Kubernetes.Converters;

namespace Podnet.Agent.Config;

/// <summary>Single fields of a config → values, or a fault that names the field.</summary>
/// <param name="fault">The error for a field, by its path and what is wrong: where it stands is known to whoever read it.</param>
internal sealed class FieldReader(Func<string, string, Exception> fault)
{
    public Exception Fault(string field, string what) => fault(field, what);

    /// <summary>Null where it is not there, or zero: that is how Kubernetes' files say "the default".</summary>
    public TimeSpan? Duration(string field, string? text, bool zeroIsNone = true)
    {
        if (string.IsNullOrEmpty(text))
            return null;
        if (!GoDuration.TryParse(text, out var duration))
            throw fault(field, $"\"{text}\" is no duration: write 30s, 1m30s or 250ms");
        if (duration < TimeSpan.Zero)
            throw fault(field, $"{text} is negative");
        return duration == TimeSpan.Zero && zeroIsNone ? null : duration;
    }

    public int? InRange(string field, int? value, int least, int most) =>
        value is null || (value >= least && value <= most) ? value : throw fault(field, $"{value} is not in {least} to {most}");

    public IPAddress? Address(string field, string? text)
    {
        if (string.IsNullOrEmpty(text))
            return null;
        return Addresses.TryParse(text, out var address) ? address : throw fault(field, $"\"{text}\" is no IP address");
    }

    /// <summary>"0.0.0.0:10256", "[::]:10256", or an address alone for the default port.</summary>
    public IPEndPoint EndPoint(string field, string text, int defaultPort)
    {
        var colon = text.LastIndexOf(':');
        var alone = Addresses.TryParse(text.StartsWith('[') && text.EndsWith(']') ? text[1..^1] : text, out var address);
        if (alone)
            return new IPEndPoint(address!, defaultPort);
        var host = colon < 0 ? text : text[..colon];
        if (host.StartsWith('[') != host.Contains(':') || !Addresses.TryParse(host.Trim('[', ']'), out address))
            throw fault(field, $"\"{text}\" is no address and port: write 0.0.0.0:{defaultPort} or [::]:{defaultPort}");
        return ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port != 0
            ? new IPEndPoint(address, port)
            : throw fault(field, $"\"{text[(colon + 1)..]}\" is no port: 1 to 65535");
    }

    /// <summary>One CIDR, or one of each family separated by a comma.</summary>
    public ImmutableArray<IPNetwork> OnePerFamily(string field, string? text)
    {
        if (string.IsNullOrEmpty(text))
            return [];
        ImmutableArray<IPNetwork> networks = [.. text.Split(',').Select(part => Network(field, part.Trim()))];
        return networks.DistinctBy(network => network.BaseAddress.AddressFamily).Count() == networks.Length
            ? networks
            : throw fault(field, $"\"{text}\" has more than one CIDR of a family");
    }

    public IPNetwork Network(string field, string text) => Addresses.TryParseNetwork(text, out var network)
        ? network
        : throw fault(field, $"\"{text}\" is no CIDR: write the first address and the prefix length, as 10.244.0.0/16");
}
