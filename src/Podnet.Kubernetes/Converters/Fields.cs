using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using k8s.Models;
using Podnet.Core.Model;

namespace Podnet.Kubernetes.Converters;

/// <summary>
/// Checks of single fields. A real API server has checked them already; this is for what it does not check (old objects, other
/// servers, files), because everything here ends up in the kernel.
/// </summary>
internal static class Fields
{
    private const int LongestLabel = 63; // RFC 1123, as Kubernetes' IsDNS1123Label
    private const int LongestSubdomain = 253; // Kubernetes' IsDNS1123Subdomain

    public static ObjectName Name(V1ObjectMeta? meta, bool subdomain)
    {
        var space = Label(meta?.NamespaceProperty, "metadata.namespace");
        return new(SharedText.Of(space), subdomain ? Subdomain(meta?.Name, "metadata.name") : Label(meta?.Name, "metadata.name"));
    }

    /// <summary>JSON allows null as an item of any list.</summary>
    public static T Present<T>(T? item, string field)
        where T : class => item ?? throw new FieldException($"{field}: is null");

    public static string Label(string? text, string field) =>
        text is { Length: > 0 and <= LongestLabel } && IsLabel(text)
            ? text
            : throw new FieldException($"{field}: {Quote(text)} is not a DNS label");

    public static string Subdomain(string? text, string field) =>
        text is { Length: > 0 and <= LongestSubdomain } && text.Split('.').All(IsLabel)
            ? text
            : throw new FieldException($"{field}: {Quote(text)} is not a DNS name");

    /// <summary>A port's name may be empty.</summary>
    public static string PortName(string? text, string field) => string.IsNullOrEmpty(text) ? "" : SharedText.Of(Label(text, field));

    public static ushort Port(int? number, string field) =>
        number is >= 1 and <= ushort.MaxValue ? (ushort)number : throw new FieldException($"{field}: {number?.ToString() ?? "null"} is not a port");

    public static ushort PortOrNone(int? number, string field) => number is null or 0 ? (ushort)0 : Port(number, field);

    public static Protocol Protocol(string? text, string field) => text switch
    {
        null or "" or "TCP" => Core.Model.Protocol.Tcp,
        "UDP" => Core.Model.Protocol.Udp,
        "SCTP" => Core.Model.Protocol.Sctp,
        _ => throw new FieldException($"{field}: {Quote(text)} is not TCP, UDP or SCTP"),
    };

    public static TrafficPolicy Policy(string? text, string field) => text switch
    {
        null or "" or "Cluster" => TrafficPolicy.Cluster,
        "Local" => TrafficPolicy.Local,
        _ => throw new FieldException($"{field}: {Quote(text)} is not Cluster or Local"),
    };

    /// <summary>An address that a packet may go to: not 0.0.0.0, loopback, link-local, multicast or broadcast.</summary>
    public static IPAddress Address(string? text, string field)
    {
        if (!Addresses.TryParse(text, out var address))
            throw new FieldException($"{field}: {Quote(text)} is not an IP address");
        return Addresses.SpecialUse(address) is { } use ? throw new FieldException($"{field}: {address} is {use} address") : address;
    }

    public static IPNetwork Network(string? text, string field) =>
        Addresses.TryParseNetwork(text?.Trim(), out var network)
            ? network
            : throw new FieldException($"{field}: {Quote(text)} is not a CIDR block");

    /// <summary>At most one of each family.</summary>
    public static void OnePerFamily(ImmutableArray<IPAddress> addresses, string field)
    {
        if (addresses.Length > 2 || (addresses is [var first, var second] && first.AddressFamily == second.AddressFamily))
            throw new FieldException($"{field}: more than one address of a family");
    }

    public static string FamilyName(AddressFamily family) => family == AddressFamily.InterNetwork ? "IPv4" : "IPv6";

    /// <summary>Short, on one line, whatever somebody wrote there.</summary>
    public static string Quote(string? text)
    {
        if (text is null)
            return "null";
        var shown = text.Length <= 80 ? text : string.Concat(text.AsSpan(0, 80), "…");
        return $"\"{OneLine(shown)}\"";
    }

    public static string OneLine(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));

    private static bool IsLabel(string text) =>
        text.Length is > 0 and <= LongestLabel && text[0] != '-' && text[^1] != '-'
        && text.All(c => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-');
}
