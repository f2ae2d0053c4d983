namespace Podnet.Kubernetes.Manifests;

/// <summary>A manifest is wrong; the message is one line: "nginx.yaml:14:3: spec.replcas: unknown field of StatefulSet".</summary>
public sealed class ManifestException(string message, Exception? inner = null) : Exception(message, inner)
{
    internal ManifestException(string file, Position at, string message, Exception? inner = null)
        : this($"{file}:{at.Line}:{at.Column}: {message}", inner)
    {
    }
}
