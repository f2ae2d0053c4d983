namespace Podnet.Cli;

/// <summary>Something that the person who typed the command can mend: one line, no stack trace.</summary>
/// <param name="exitCode">1: it did not work; 2: what was typed or written cannot work.</param>
public class UserError(string message, int exitCode = 1) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}
