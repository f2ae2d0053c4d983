namespace Podnet.Pause.Tests;

internal sealed class TemporaryFile : IDisposable
{
    internal string Path { get; } = System.IO.Path.GetTempFileName();

    internal string Text => File.ReadAllText(Path);

    public void Dispose() => File.Delete(Path);
}
