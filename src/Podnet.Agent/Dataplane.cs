namespace Podnet.Agent;

internal sealed class Dataplane(AgentOptions options) : IDisposable
{
    public IReadOnlyList<IDataplanePart> Parts { get; } = options.NodeName.Length == 0 ? [] : [];

    public void Dispose()
    {
    }
}
