using System.Globalization;
using k8s.Models;

namespace Podnet.Agent.Metrics;

/// <summary>When what an EndpointSlice says came about, by who wrote it.</summary>
internal static class ChangeTrigger
{
    /// <summary>core/v1 EndpointsLastChangeTriggerTime; RFC 3339.</summary>
    private const string Annotation = "endpoints.kubernetes.io/last-change-trigger-time";

    /// <summary>Null where there is no slice any more, or it does not say, or in no form that is known: it is for a metric only.</summary>
    public static DateTimeOffset? Of(V1EndpointSlice? slice) =>
        slice?.Metadata.Annotations is { } annotations && annotations.TryGetValue(Annotation, out var text)
        && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time
            : null;
}
