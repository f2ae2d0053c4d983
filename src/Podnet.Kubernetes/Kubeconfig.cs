using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Podnet.Kubernetes;

public sealed class KubeconfigException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// Of a kubeconfig file's current context: the server, what its certificate must be signed by, and who we are.
/// Format: client-go, tools/clientcmd/api/v1/types.go. Users by "exec" or "auth-provider" are for people, not for agents, and refused.
/// </summary>
internal sealed record Kubeconfig(Uri Server)
{
    /// <summary>PEM; null means that the machine's own authorities count.</summary>
    public string? AuthorityPem { get; init; }

    public bool SkipTlsVerify { get; init; }

    /// <summary>What the certificate must be for, where that is not the server's own host name.</summary>
    public string? TlsServerName { get; init; }

    public string? Token { get; init; }

    /// <summary>Read again as it is rotated.</summary>
    public string? TokenFile { get; init; }

    public string? ClientCertificatePem { get; init; }

    public string? ClientKeyPem { get; init; }

    /// <exception cref="KubeconfigException">It cannot be read or lacks something.</exception>
    public static Kubeconfig Load(string path)
    {
        try
        {
            var text = File.ReadAllText(path);
            var yaml = new YamlStream();
            yaml.Load(new StringReader(text));
            return yaml.Documents is [{ RootNode: YamlMappingNode root }]
                ? Read(root, Path.GetDirectoryName(Path.GetFullPath(path))!)
                : throw new KubeconfigException("not one YAML document with a mapping");
        }
        catch (KubeconfigException e)
        {
            throw new KubeconfigException($"kubeconfig {path}: {e.Message}");
        }
        catch (YamlException e)
        {
            throw new KubeconfigException($"kubeconfig {path}:{e.Start.Line}: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new KubeconfigException($"kubeconfig {path}: {e.Message}", e);
        }
    }

    public ApiClient Connect()
    {
        var handler = new SocketsHttpHandler
        {
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(90),
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ConnectCallback = ConnectAsync,
        };
        if (Server.Scheme == Uri.UriSchemeHttps)
            handler.SslOptions = Tls();
        return new ApiClient(Server, handler, TokenFile is null ? () => Token : new TokenFile(TokenFile, TimeProvider.System).Read);
    }

    private SslClientAuthenticationOptions Tls()
    {
        var options = new SslClientAuthenticationOptions { TargetHost = TlsServerName ?? Server.Host };
        try
        {
            if (AuthorityPem is not null)
            {
                options.CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust,
                    RevocationMode = X509RevocationMode.NoCheck,
                };
                options.CertificateChainPolicy.CustomTrustStore.ImportFromPem(AuthorityPem);
            }
            if (ClientCertificatePem is not null)
                options.ClientCertificates = [X509Certificate2.CreateFromPem(ClientCertificatePem, ClientKeyPem)];
        }
        catch (CryptographicException e)
        {
            throw new KubeconfigException($"kubeconfig for {Server}: a certificate or key is not PEM: {e.Message}", e);
        }
        if (SkipTlsVerify)
            options.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
        return options;
    }

    /// <summary>
    /// Keep-alive, so that a server that vanished without a word is noticed within 30 s: over HTTP/1.1 nothing else would tell a
    /// quiet watch from a dead one before its lifetime is over.
    /// </summary>
    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken ct)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, optionValue: true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 15);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 5);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
            await socket.ConnectAsync(context.DnsEndPoint, ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static Kubeconfig Read(YamlMappingNode root, string folder)
    {
        var contextName = Text(root, "current-context") ?? throw new KubeconfigException("no current-context");
        var context = Named(root, "contexts", contextName, "context");
        var clusterName = Text(context, "cluster") ?? throw new KubeconfigException($"context {contextName}: no cluster");
        var cluster = Named(root, "clusters", clusterName, "cluster");
        var user = Text(context, "user") is { Length: > 0 } userName ? Named(root, "users", userName, "user") : [];
        if (Node(user, "exec") is not null || Node(user, "auth-provider") is not null)
            throw new KubeconfigException("the user's exec or auth-provider is not supported: use a token or a client certificate");
        var server = Text(cluster, "server");
        if (!Uri.TryCreate(server, UriKind.Absolute, out var uri) || (uri.Scheme != Uri.UriSchemeHttps && uri.Scheme != Uri.UriSchemeHttp))
            throw new KubeconfigException($"cluster {clusterName}: server \"{server}\" is not an http or https URL");
        var tokenFile = Text(user, "tokenFile");
        return new(uri)
        {
            AuthorityPem = Pem(cluster, "certificate-authority", folder),
            SkipTlsVerify = Text(cluster, "insecure-skip-tls-verify") == "true",
            TlsServerName = Text(cluster, "tls-server-name"),
            Token = Text(user, "token"),
            TokenFile = tokenFile is null ? null : Path.Combine(folder, tokenFile),
            ClientCertificatePem = Pem(user, "client-certificate", folder),
            ClientKeyPem = Pem(user, "client-key", folder),
        };
    }

    /// <summary>NAME-data in base64 wins over the file NAME, which is relative to the kubeconfig.</summary>
    private static string? Pem(YamlMappingNode parent, string name, string folder)
    {
        if (Text(parent, $"{name}-data") is { Length: > 0 } data)
        {
            try
            {
                return System.Text.Encoding.ASCII.GetString(Convert.FromBase64String(data));
            }
            catch (FormatException e)
            {
                throw new KubeconfigException($"{name}-data is not base64: {e.Message}", e);
            }
        }
        return Text(parent, name) is { Length: > 0 } file ? File.ReadAllText(Path.Combine(folder, file)) : null;
    }

    private static YamlMappingNode Named(YamlMappingNode root, string list, string name, string field)
    {
        foreach (var entry in (Node(root, list) as YamlSequenceNode)?.Children.OfType<YamlMappingNode>() ?? [])
        {
            if (Text(entry, "name") == name)
                return Node(entry, field) as YamlMappingNode ?? throw new KubeconfigException($"{list}: {name} has no {field}");
        }
        throw new KubeconfigException($"{list}: none is named {name}");
    }

    private static YamlNode? Node(YamlMappingNode parent, string field) => parent.Children.TryGetValue(field, out var node) ? node : null;

    private static string? Text(YamlMappingNode parent, string field) => (Node(parent, field) as YamlScalarNode)?.Value;
}
