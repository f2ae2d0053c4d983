using Podnet.Linux;

namespace Podnet.Testing;

/// <summary>A network namespace of the test's own, and Debian's tools in it. Nothing of the machine's own is touched.</summary>
public sealed class Kernel : IDisposable
{
    private readonly NetworkNamespace _namespace;

    public Kernel()
    {
        if (!ProcessTable.IsRoot)
            throw new InvalidOperationException("this test works on real network namespaces: run it as root");
        _namespace = NetworkNamespace.CreateAnonymous();
        Run("ip", "link", "set", "lo", "up");
    }

    public NetworkNamespace Namespace => _namespace;

    /// <summary>Runs a program in the namespace; its output, or an exception with what it said.</summary>
    public string Run(string program, params string[] arguments) =>
        _namespace.Run(() => Tool.Run(program, arguments));

    public void In(Action work) => _namespace.Run(work);

    public T In<T>(Func<T> work) => _namespace.Run(work);

    public void Dispose() => _namespace.Dispose();
}
