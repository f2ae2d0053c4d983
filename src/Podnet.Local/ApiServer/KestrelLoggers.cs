using Microsoft.Extensions.Logging;

namespace Podnet.Local.ApiServer;

/// <summary>Of what Kestrel says, the errors: who connects, and how, is told by anybody who can reach the port, as often as they like.</summary>
internal sealed class KestrelLoggers(ILoggerFactory all) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) => new ErrorsOnly(all.CreateLogger(categoryName));

    public void AddProvider(ILoggerProvider provider) => all.AddProvider(provider);

    /// <summary>The loggers behind it are another's.</summary>
    public void Dispose()
    {
    }

    private sealed class ErrorsOnly(ILogger logger) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error && logger.IsEnabled(logLevel);

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                logger.Log(logLevel, eventId, state, exception, formatter);
        }
    }
}
