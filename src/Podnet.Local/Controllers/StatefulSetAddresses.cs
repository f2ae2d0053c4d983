using System.Collections.Immutable;
using System.Net;
using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>The annotation podnet.dev/pod-ips of a StatefulSet, read entry by entry: one bad entry does not spoil the others.</summary>
/// <param name="Entries">Null where the entry is none that can be used.</param>
/// <param name="Complaint">What is wrong and what to do; null if nothing is.</param>
internal sealed record StatefulSetAddresses(ImmutableArray<IPAddress?> Entries, string? Complaint)
{
    public static StatefulSetAddresses Of(V1StatefulSet set)
    {
        if (set.GetAnnotation(WellKnown.PodIPs) is not { } text) return new StatefulSetAddresses([], null);
        var (entries, complaints, taken) = (ImmutableArray.CreateBuilder<IPAddress?>(), new List<string>(), new HashSet<IPAddress>());
        foreach (var entry in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var address = Parse(entry);
            if (address is null)
            {
                complaints.Add($"entry {entries.Count} (\"{entry}\") is no IP address");
            }
            else if (!taken.Add(address))
            {
                complaints.Add($"entry {entries.Count} ({entry}) is there twice");
                address = null;
            }
            entries.Add(address);
        }
        var replicas = set.Spec.Replicas ?? 1;
        if (entries.Count < replicas) complaints.Add($"it has {entries.Count} addresses for {replicas} replicas");
        return new StatefulSetAddresses(
            entries.ToImmutable(),
            complaints.Count == 0
                ? null
                : $"annotation {WellKnown.PodIPs}: {string.Join("; ", complaints)}; pods without an entry of their own get any address");
    }

    /// <param name="index">0 for the pod of the lowest ordinal.</param>
    public IPAddress? At(int index) => index < Entries.Length ? Entries[index] : null;

    /// <summary>"10.1" is 10.0.0.1 to IPAddress; nobody means that here.</summary>
    private static IPAddress? Parse(string text) =>
        IPAddress.TryParse(text, out var address) && (text.Contains(':') || text.Count(c => c == '.') == 3) ? address : null;
}
