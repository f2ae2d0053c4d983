using Microsoft.Extensions.Logging;

namespace Podnet.Cli;

/// <summary>The same logger for every category: a process's log is one stream of lines.</summary>
internal sealed class OneLoggerFactory(ILogger logger) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) => logger;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("there is one logger");

    public void Dispose()
    {
    }
}
