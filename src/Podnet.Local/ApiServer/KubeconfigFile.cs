using System.Text;

namespace Podnet.Local.ApiServer;

/// <summary>A kubeconfig with one cluster, user and context. It holds the token, so only its owner may read it.</summary>
public static class KubeconfigFile
{
    /// <summary>Replaces the file in one step: a reader sees the old one or the whole new one.</summary>
    /// <param name="name">Of the cluster, the user and the context, each "podnet-NAME".</param>
    /// <exception cref="IOException">The folder is missing or not writable.</exception>
    public static void Write(string path, string name, Uri server, string authorityPem, string token)
    {
        var temporary = $"{path}.{Guid.NewGuid():N}.new";
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        };
        using (var file = new FileStream(temporary, options))
            file.Write(Encoding.UTF8.GetBytes(Text($"podnet-{name}", server, authorityPem, token)));
        File.Move(temporary, path, overwrite: true);
    }

    private static string Text(string name, Uri server, string authorityPem, string token) => $"""
        apiVersion: v1
        kind: Config
        clusters:
        - name: {name}
          cluster:
            server: {server.GetLeftPart(UriPartial.Authority)}
            certificate-authority-data: {Convert.ToBase64String(Encoding.UTF8.GetBytes(authorityPem))}
        users:
        - name: {name}
          user:
            token: {token}
        contexts:
        - name: {name}
          context:
            cluster: {name}
            user: {name}
        current-context: {name}

        """;
}
