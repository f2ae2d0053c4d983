using System.Collections.Immutable;

namespace Podnet.Kubernetes;

/// <summary>
/// One string for names that many objects have in common (namespaces, nodes, zones, ports), in place of one an endpoint. It forgets:
/// where two names meet in a place, the later one takes it, so it never grows. From any thread: the worst that a race does is a second copy.
/// </summary>
internal static class SharedText
{
    /// <summary>Arbitrary; Kubernetes' limit is 5,000 nodes. A power of two.</summary>
    private const int Places = 1 << 14;

    private static readonly string?[] Texts = new string?[Places];
    private static readonly ImmutableArray<string>[] Singles = new ImmutableArray<string>[Places];

    public static string Of(string text)
    {
        ref var place = ref Texts[Place(text)];
        if (place is { } shared && shared == text)
            return shared;
        place = text;
        return text;
    }

    /// <summary>A list of one such name, as hints are.</summary>
    public static ImmutableArray<string> ListOf(string text)
    {
        ref var place = ref Singles[Place(text)];
        if (place is { IsDefault: false } shared && shared[0] == text)
            return shared;
        ImmutableArray<string> list = [Of(text)];
        place = list;
        return list;
    }

    private static int Place(string text) => string.GetHashCode(text, StringComparison.Ordinal) & (Places - 1);
}
