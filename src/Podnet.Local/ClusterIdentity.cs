using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Podnet.Linux;
using Podnet.Local.ApiServer;

namespace Podnet.Local;

/// <summary>What a client of a local cluster's API server knows it by. Kept, so that a kubeconfig is good for as long as the cluster is.</summary>
/// <param name="Port">At 127.0.0.1, and on the fabric.</param>
/// <param name="TokenKeyPem">Signs the tokens of service accounts; PKCS #8.</param>
internal sealed record ClusterIdentity(int Port, string Token, string AuthorityPem, string CertificatePem, string KeyPem, string TokenKeyPem)
{
    public ServingCertificate Certificate() => ServingCertificate.FromPem(CertificatePem, KeyPem, AuthorityPem);

    public ECDsa TokenKey()
    {
        var key = ECDsa.Create();
        key.ImportFromPem(TokenKeyPem);
        return key;
    }

    public static ClusterIdentity Of(int port, string token, ServingCertificate certificate)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new(port, token, certificate.AuthorityPem, certificate.CertificatePem, certificate.KeyPem, key.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>Null where the cluster has none yet.</summary>
    public static ClusterIdentity? Load(ClusterPaths paths)
    {
        if (!File.Exists(paths.Identity))
            return null;
        using var file = File.OpenRead(paths.Identity);
        return JsonSerializer.Deserialize(file, ClusterIdentityJson.Default.ClusterIdentity) is { TokenKeyPem: not null } identity
            ? identity
            : throw new InvalidDataException($"{paths.Identity} lacks what this Podnet needs: take the cluster away with 'podnet down'");
    }

    /// <summary>In one step, mode 0600.</summary>
    public void Save(ClusterPaths paths)
    {
        var temporary = paths.Identity + ".new";
        var options = new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        };
        using (var file = new FileStream(temporary, options))
        {
            JsonSerializer.Serialize(file, this, ClusterIdentityJson.Default.ClusterIdentity);
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, paths.Identity, overwrite: true);
        FileHandle.SyncDirectory(paths.Lib);
    }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ClusterIdentity))]
internal sealed partial class ClusterIdentityJson : JsonSerializerContext;
