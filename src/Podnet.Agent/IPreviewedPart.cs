using System.Collections.Immutable;
using Podnet.Core.Model;
using Podnet.Core.Sync;

namespace Podnet.Agent;

/// <summary>A part that can say what it would write, as text for the program that writes the same.</summary>
internal interface IPreviewedPart : IDataplanePart
{
    /// <summary>What a first <see cref="IDataplanePart.Apply"/> of this state would do. Changes nothing, in the kernel or elsewhere.</summary>
    PartPreview Preview(ClusterState state);
}

/// <param name="Texts">By the program that they are for, see <see cref="Tools"/>; none is empty.</param>
internal sealed record PartPreview(ImmutableArray<(string Tool, string Text)> Texts)
{
    /// <summary>Of a part that keeps Services: what the rules do now, perhaps without what stays as it is …</summary>
    public IReadOnlyCollection<ServicePath> Before { get; init; } = [];

    /// <summary>… and all that they will do.</summary>
    public IReadOnlyCollection<ServicePath> Wanted { get; init; } = [];

    /// <summary>What else happens, a sentence each.</summary>
    public ImmutableArray<string> Effects { get; init; } = [];

    public static PartPreview Of(params ReadOnlySpan<(string Tool, string Text)> texts)
    {
        var kept = ImmutableArray.CreateBuilder<(string, string)>();
        foreach (var text in texts)
        {
            if (text.Text.Length > 0)
                kept.Add(text);
        }
        return new(kept.DrainToImmutable());
    }

    public static PartPreview Of(string tool, IEnumerable<string> lines) => Of((tool, string.Concat(lines.Select(line => line + "\n"))));
}

/// <summary>Programs that take what a preview says.</summary>
internal static class Tools
{
    /// <summary>Commands, a line each.</summary>
    public const string Shell = "sh";

    public const string Nft = "nft -f -";

    public static string RestoreOf(IPFamily family) => $"{(family == IPFamily.V4 ? "iptables" : "ip6tables")}-restore --noflush --counters";
}
