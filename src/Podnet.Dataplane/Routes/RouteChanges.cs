using Podnet.Linux;
using Podnet.Netlink;

namespace Podnet.Dataplane.Routes;

/// <summary>Requests, and beside each what to say of it when it has succeeded, and the command that does the same.</summary>
internal sealed class RouteChanges
{
    private readonly RouteRequests _requests = new();
    private readonly List<string> _texts = [];

    internal List<string> Commands { get; } = [];

    /// <param name="request">Adds one request.</param>
    internal void Add(Action<RouteRequests> request, string text, string command)
    {
        request(_requests);
        _texts.Add(text);
        Commands.Add(command);
    }

    internal ApplyReport Execute(RouteSocket socket)
    {
        if (_requests.Count == 0)
            return ApplyReport.Nothing;
        var failures = socket.ExecuteEach(_requests);
        return new ApplyReport([.. _texts.Where((_, i) => failures[i] is null)], [.. failures.OfType<KernelException>()]);
    }
}
