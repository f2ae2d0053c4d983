using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Podnet.Agent;

/// <summary>A line an entry: "2026-01-31T12:00:00.000Z warn  routes: failed, next try in …". Written at once, so that a kill loses nothing.</summary>
public sealed class LineLogger(TextWriter output, LogLevel least = LogLevel.Information) : ILogger
{
    private readonly Lock _lock = new();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= least && logLevel != LogLevel.None;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel))
            return;
        var text = formatter(state, exception);
        if (exception is not null)
            text = $"{text}: {exception}";
        var time = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        lock (_lock)
        {
            output.WriteLine($"{time} {Word(logLevel)} {text.ReplaceLineEndings(" | ")}");
            output.Flush();
        }
    }

    private static string Word(LogLevel level) => level switch
    {
        LogLevel.Warning => "warn ",
        LogLevel.Error or LogLevel.Critical => "error",
        LogLevel.Information => "info ",
        _ => "debug",
    };
}
