using System.Net;

namespace Podnet.Kubernetes;

/// <summary>
/// How a container of the cluster itself reaches the API server: two environment variables and the files of its service account
/// (kubernetes.io, "Accessing the Kubernetes API from a Pod").
/// </summary>
internal static class InClusterConfig
{
    public const string Folder = "/var/run/secrets/kubernetes.io/serviceaccount";

    private const string HostVariable = "KUBERNETES_SERVICE_HOST";
    private const string PortVariable = "KUBERNETES_SERVICE_PORT";

    /// <param name="environment">Name of a variable → its value, null where there is none.</param>
    /// <exception cref="KubeconfigException">This is no container of a cluster, or one without a service account.</exception>
    public static Kubeconfig Load(Func<string, string?> environment, string folder)
    {
        var (host, port) = (environment(HostVariable), environment(PortVariable));
        if (string.IsNullOrEmpty(host) || string.IsNullOrEmpty(port))
        {
            throw new KubeconfigException(
                $"no kubeconfig is given, and {HostVariable} and {PortVariable} are not both set as in a pod: give --kubeconfig FILE");
        }
        var isV6 = IPAddress.TryParse(host, out var address) && address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        if (!Uri.TryCreate($"https://{(isV6 ? $"[{host}]" : host)}:{port}", UriKind.Absolute, out var server))
            throw new KubeconfigException($"{HostVariable} \"{host}\" and {PortVariable} \"{port}\" are no host and port");
        var token = Path.Combine(folder, "token");
        // Read here for an error at once; afterwards TokenFile follows its rotation.
        _ = Text(token);
        return new(server) { AuthorityPem = Text(Path.Combine(folder, "ca.crt")), TokenFile = token };
    }

    private static string Text(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new KubeconfigException(
                $"service account: {e.Message}: the pod needs a service account with automountServiceAccountToken, or give --kubeconfig FILE", e);
        }
    }
}
