using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Podnet.Local.ApiServer;

/// <summary>A certificate for the API server, and the authority that signed it, whose key is thrown away at once.</summary>
/// <param name="Server">With its private key.</param>
/// <param name="AuthorityPem">What clients trust.</param>
public sealed record ServingCertificate(X509Certificate2 Server, string AuthorityPem) : IDisposable
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    /// <summary>Clocks of other machines may be a little behind.</summary>
    private static readonly TimeSpan Backdated = TimeSpan.FromHours(1);

    /// <summary>10 years, as Kubernetes' own authorities; a local cluster is remade long before.</summary>
    private static readonly TimeSpan Validity = TimeSpan.FromDays(3650);

    /// <param name="addresses">127.0.0.1 and ::1 are always there.</param>
    public static ServingCertificate Create(IEnumerable<IPAddress> addresses, DateTimeOffset now)
    {
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authorityRequest = new CertificateRequest("CN=podnet", authorityKey, HashAlgorithmName.SHA256);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        authorityRequest.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        authorityRequest.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(authorityRequest.PublicKey, critical: false));
        using var authority = authorityRequest.CreateSelfSigned(now - Backdated, now + Validity);

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=kube-apiserver", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new(ServerAuthentication)], critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(authority, true, false));
        request.CertificateExtensions.Add(Names(addresses));
        using var certificate = request.Create(authority, now - Backdated, now + Validity, RandomNumberGenerator.GetBytes(16));
        return new(certificate.CopyWithPrivateKey(key), authority.ExportCertificatePem());
    }

    public string CertificatePem => Server.ExportCertificatePem();

    /// <summary>PKCS #8.</summary>
    public string KeyPem
    {
        get
        {
            using var key = Server.GetECDsaPrivateKey() ?? throw new InvalidOperationException("the certificate has no private key");
            return key.ExportPkcs8PrivateKeyPem();
        }
    }

    public static ServingCertificate FromPem(string certificate, string key, string authority) =>
        new(X509Certificate2.CreateFromPem(certificate, key), authority);

    public void Dispose() => Server.Dispose();

    private static X509Extension Names(IEnumerable<IPAddress> addresses)
    {
        var names = new SubjectAlternativeNameBuilder();
        foreach (var name in (ReadOnlySpan<string>)
            ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"])
            names.AddDnsName(name);
        foreach (var address in addresses.Append(IPAddress.Loopback).Append(IPAddress.IPv6Loopback).Distinct())
            names.AddIpAddress(address);
        return names.Build();
    }
}
