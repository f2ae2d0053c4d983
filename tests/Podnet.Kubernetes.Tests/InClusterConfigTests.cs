namespace Podnet.Kubernetes.Tests;

public sealed class InClusterConfigTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("podnet-account-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void WriteAccount()
    {
        File.WriteAllText(Path.Combine(_folder, "token"), "secret\n");
        File.WriteAllText(Path.Combine(_folder, "ca.crt"), "pem");
    }

    private Kubeconfig Load(string? host, string? port) => InClusterConfig.Load(
        name => name switch
        {
            "KUBERNETES_SERVICE_HOST" => host,
            "KUBERNETES_SERVICE_PORT" => port,
            _ => null,
        },
        _folder);

    [Theory]
    [InlineData("10.96.0.1", "https://10.96.0.1/")]
    [InlineData("fd00::1", "https://[fd00::1]/")]
    [InlineData("kubernetes.default.svc", "https://kubernetes.default.svc/")]
    public void A_pod_reaches_the_API_server_by_its_environment_and_its_service_account(string host, string server)
    {
        WriteAccount();
        var config = Load(host, "443");
        Assert.Equal((server, "pem", Path.Combine(_folder, "token")), (config.Server.AbsoluteUri, config.AuthorityPem, config.TokenFile));
        Assert.False(config.SkipTlsVerify);
    }

    [Theory]
    [InlineData(null, "443")]
    [InlineData("10.96.0.1", "")]
    public void Outside_of_a_pod_it_says_that_a_kubeconfig_is_needed(string? host, string? port)
    {
        WriteAccount();
        Assert.EndsWith("give --kubeconfig FILE", Assert.Throws<KubeconfigException>(() => Load(host, port)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("token")]
    [InlineData("ca.crt")]
    public void A_pod_without_its_account_is_told_which_file_it_lacks(string file)
    {
        WriteAccount();
        File.Delete(Path.Combine(_folder, file));
        Assert.Contains($"{_folder}/{file}", Assert.Throws<KubeconfigException>(() => Load("10.96.0.1", "443")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_port_that_is_none_is_named()
    {
        WriteAccount();
        Assert.Contains("\"none\"", Assert.Throws<KubeconfigException>(() => Load("10.96.0.1", "none")).Message, StringComparison.Ordinal);
    }
}
