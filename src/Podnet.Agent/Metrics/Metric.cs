using System.Globalization;
using System.Text;

namespace Podnet.Agent.Metrics;

/// <summary>One metric with a value for each combination of its labels' values. From any thread.</summary>
/// <param name="labels">Their names, in the order in which values are given.</param>
internal abstract class Metric(string name, string type, string help, string[] labels)
{
    /// <summary>Lines of Prometheus' text format: github.com/prometheus/docs, exposition_formats.md.</summary>
    public IEnumerable<string> Lines() => [$"# HELP {name} {help}\n", $"# TYPE {name} {type}\n", .. Samples()];

    /// <summary>As the format wants it, which is as Go prints it, nearly.</summary>
    internal static string Text(double value) => double.IsPositiveInfinity(value) ? "+Inf" : value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>"name{label="value"} 1\n".</summary>
    internal static string Line(string name, ReadOnlySpan<string> labels, ReadOnlySpan<string> values, string value)
    {
        var text = new StringBuilder(name);
        for (var i = 0; i < labels.Length; i++)
        {
            text.Append(i == 0 ? '{' : ',').Append(labels[i]).Append("=\"");
            text.Append(values[i].Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n")).Append('"');
        }

        return text.Append(labels.Length > 0 ? "} " : " ").Append(value).Append('\n').ToString();
    }

    protected abstract List<string> Samples();

    protected string[] LabelNames => labels;

    protected string Name => name;

    /// <summary>No name or value has this character.</summary>
    protected static string Key(string[] values) => string.Join('\u0001', values);
}

/// <summary>A number that only grows, or one that goes up and down; without labels it is there from the start.</summary>
internal sealed class NumberMetric : Metric
{
    private readonly Dictionary<string, (string[] Labels, double Value)> _values = [];

    private NumberMetric(string name, string type, string help, string[] labels)
        : base(name, type, help, labels)
    {
        if (labels.Length == 0)
            Set(0);
    }

    public static NumberMetric Counter(string name, string help, params string[] labels) => new(name, "counter", help, labels);

    public static NumberMetric Gauge(string name, string help, params string[] labels) => new(name, "gauge", help, labels);

    public void Add(double more, params string[] values)
    {
        lock (_values)
            _values[Key(values)] = (values, _values.GetValueOrDefault(Key(values)).Value + more);
    }

    public void Set(double value, params string[] values)
    {
        lock (_values)
            _values[Key(values)] = (values, value);
    }

    protected override List<string> Samples()
    {
        lock (_values)
            return [.. _values.Values.Select(one => Line(Name, LabelNames, one.Labels, Text(one.Value)))];
    }
}

/// <summary>How many observations were at most so large, for each of the bounds.</summary>
/// <param name="bounds">Ascending; +Inf is added.</param>
internal sealed class HistogramMetric(string name, string help, double[] bounds, params string[] labels)
    : Metric(name, "histogram", help, labels)
{
    private readonly Dictionary<string, Series> _series = [];

    /// <summary>From the first, each twice the one before: Prometheus' ExponentialBuckets(first, 2, count).</summary>
    public static double[] Doubling(double first, int count) => [.. Enumerable.Range(0, count).Select(i => first * Math.Pow(2, i))];

    public void Observe(double value, params string[] values)
    {
        lock (_series)
        {
            if (!_series.TryGetValue(Key(values), out var series))
                _series[Key(values)] = series = new Series(values, new long[bounds.Length + 1]);
            var bucket = Array.FindIndex(bounds, bound => value <= bound);
            series.Buckets[bucket < 0 ? bounds.Length : bucket]++;
            series.Sum += value;
        }
    }

    protected override List<string> Samples()
    {
        var lines = new List<string>();
        lock (_series)
        {
            foreach (var series in _series.Values)
            {
                var count = 0L;
                string[] names = [.. LabelNames, "le"];
                for (var i = 0; i <= bounds.Length; i++)
                {
                    count += series.Buckets[i];
                    string[] values = [.. series.Labels, Text(i < bounds.Length ? bounds[i] : double.PositiveInfinity)];
                    lines.Add(Line(Name + "_bucket", names, values, Text(count)));
                }

                lines.Add(Line(Name + "_sum", LabelNames, series.Labels, Text(series.Sum)));
                lines.Add(Line(Name + "_count", LabelNames, series.Labels, Text(count)));
            }
        }

        return lines;
    }

    private sealed class Series(string[] labels, long[] buckets)
    {
        public string[] Labels { get; } = labels;

        public long[] Buckets { get; } = buckets;

        public double Sum { get; set; }
    }
}
