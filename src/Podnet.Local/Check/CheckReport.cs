using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Podnet.Local.Check;

/// <summary>What a row is an instance of; the text is for tables and JSON.</summary>
public static class CheckKind
{
    public const string PodToPod = "pod to pod";
    public const string NodeToPod = "node to pod";
    public const string PodToNode = "pod to node";
    public const string PodToItself = "pod to itself through its Service";
    public const string PodToService = "pod to Service";
    public const string NodeToService = "node to Service";
    public const string OutsideToNodePort = "outside to node port";
    public const string PodToOutside = "pod to outside";

    /// <summary>The order in which a report has them.</summary>
    public static readonly ImmutableArray<string> All =
        [PodToPod, NodeToPod, PodToNode, PodToItself, PodToService, NodeToService, OutsideToNodePort, PodToOutside];
}

/// <summary>One connection that was tried.</summary>
/// <param name="Kind">One of <see cref="CheckKind"/>.</param>
/// <param name="From">"pod/default/nginx-0", "node/node-1", "outside".</param>
/// <param name="To">Who answered; where nobody did, who was asked.</param>
/// <param name="Via">The Service and the address that was connected to; null for a direct connection.</param>
/// <param name="Source">The address that the server saw the connection come from; null where there was none.</param>
/// <param name="SourceOf">Whose address that is: "own" (the client's), "node/node-1", another place, or "nobody" known.</param>
/// <param name="Expected">"from own 10.240.0.28", "from node/node-1 10.99.0.2", "refused: no endpoint" and so on.</param>
/// <param name="Reason">Null where it is as expected.</param>
public sealed record CheckRow(
    string Kind, string From, string To, string? Via, string? Source, string? SourceOf, string Expected, bool Ok, string? Reason);

/// <summary>An object that no connection was made for.</summary>
/// <param name="IsFault">It should have been possible: the check as a whole fails.</param>
public sealed record NotChecked(string What, string Why, bool IsFault);

/// <summary>How many rows of a kind there are.</summary>
public sealed record CheckCount(string Kind, int Total, int Failed);

public sealed record CheckReport(ImmutableArray<CheckRow> Rows, ImmutableArray<NotChecked> NotChecked)
{
    /// <summary>Both; what neither could check is said once.</summary>
    public static CheckReport operator +(CheckReport left, CheckReport right) =>
        new([.. left.Rows, .. right.Rows], [.. left.NotChecked.Union(right.NotChecked)]);

    /// <summary>Everything that should hold does.</summary>
    public bool Ok => Rows.All(row => row.Ok) && !NotChecked.Any(item => item.IsFault);

    /// <summary>In the order of <see cref="CheckKind.All"/>; kinds without a row are left out.</summary>
    public ImmutableArray<CheckCount> Summary =>
        [.. CheckKind.All
            .Select(kind => new CheckCount(kind, Rows.Count(row => row.Kind == kind), Rows.Count(row => row.Kind == kind && !row.Ok)))
            .Where(count => count.Total > 0)];
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(CheckReport))]
public sealed partial class CheckJson : JsonSerializerContext;
