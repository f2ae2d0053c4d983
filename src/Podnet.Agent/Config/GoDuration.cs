using System.Globalization;

namespace Podnet.Agent.Config;

/// <summary>Durations as Kubernetes writes them, "1h0m0s", "1.5s", "250ms": Go's time.ParseDuration.</summary>
internal static class GoDuration
{
    private static readonly (string Unit, double Seconds)[] Units =
        [("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1), ("m", 60), ("h", 3600)];

    /// <summary>False for what is none, and for what is longer than 290 years, which is where Go's ends.</summary>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        var negative = text.StartsWith('-');
        var rest = text.AsSpan(negative || text.StartsWith('+') ? 1 : 0);
        if (rest is "0")
            return true;
        var seconds = 0.0;
        if (rest.IsEmpty)
            return false;
        while (!rest.IsEmpty)
        {
            var number = rest.IndexOfAnyExcept("0123456789.");
            if (number <= 0 || !double.TryParse(rest[..number], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value))
                return false;
            rest = rest[number..];
            var end = rest.IndexOfAny("0123456789.");
            var unit = end < 0 ? rest : rest[..end];
            var factor = Factor(unit);
            if (factor == 0)
                return false;
            seconds += value * factor;
            rest = rest[unit.Length..];
        }

        if (seconds > 9.2e9)
            return false;
        duration = TimeSpan.FromTicks((long)Math.Round(seconds * TimeSpan.TicksPerSecond) * (negative ? -1 : 1));
        return true;
    }

    /// <summary>"1h0m0s", as Go prints it.</summary>
    public static string Print(TimeSpan duration)
    {
        if (duration < TimeSpan.Zero)
            return "-" + Print(-duration);
        if (duration == TimeSpan.Zero)
            return "0s";
        if (duration < TimeSpan.FromSeconds(1))
            return string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMilliseconds:0.####}ms");
        var hours = (long)duration.TotalHours;
        var seconds = string.Create(CultureInfo.InvariantCulture, $"{duration.TotalSeconds % 60:0.#######}s");
        return hours > 0 ? $"{hours}h{duration.Minutes}m{seconds}" : duration.Minutes > 0 ? $"{duration.Minutes}m{seconds}" : seconds;
    }

    private static double Factor(ReadOnlySpan<char> unit)
    {
        foreach (var (name, seconds) in Units)
        {
            if (unit.SequenceEqual(name))
                return seconds;
        }

        return 0;
    }
}
