using System.CommandLine;
using Podnet.Cli.Commands;
using Podnet.Kubernetes;
using Podnet.Linux;

namespace Podnet.Cli;

/// <summary>From the command line to an exit code; what went wrong becomes one line.</summary>
internal static class Invocation
{
    private static readonly TimeSpan CleanupPatience = TimeSpan.FromSeconds(30); // arbitrary: 'down' takes well under one

    internal static async Task<int> RunAsync(RootCommand root, string[] args)
    {
        var parsed = root.Parse(AgentCommand.Words(args));
        if (parsed.Errors.Count > 0)
        {
            Complain($"{parsed.Errors[0].Message} See '{parsed.CommandResult.Command.Name} --help'.");
            return 2;
        }

        try
        {
            var configuration = new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                // Ctrl-C is what is run's own matter under exec; anything else may take so long to clean up after itself.
                ProcessTerminationTimeout = parsed.CommandResult.Command.Name == ExecCommand.Name ? null : CleanupPatience,
            };
            return await parsed.InvokeAsync(configuration);
        }
        catch (UserError e)
        {
            Complain(e.Message);
            return e.ExitCode;
        }
        catch (Exception e) when (e is ApiException or KernelException or IOException or HttpRequestException or TimeoutException or UnauthorizedAccessException)
        {
            Complain(e.Message);
            return 1;
        }
        catch (OperationCanceledException)
        {
            Complain("interrupted");
            return 130; // as a shell says of SIGINT
        }
    }

    private static void Complain(string line) => Console.Error.WriteLine($"podnet: {line.ReplaceLineEndings(" ")}");
}
