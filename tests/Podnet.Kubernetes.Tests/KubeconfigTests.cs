namespace Podnet.Kubernetes.Tests;

public sealed class KubeconfigTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    private const string Good = """
        apiVersion: v1
        kind: Config
        current-context: c
        contexts: [{name: c, context: {cluster: k, user: u}}]
        clusters: [{name: k, cluster: {server: "https://10.99.0.1:6443/base", tls-server-name: podnet}}]
        users: [{name: u, user: {token: secret}}]
        """;

    private Kubeconfig Load(string text)
    {
        File.WriteAllText(_file, text);
        return Kubeconfig.Load(_file);
    }

    [Fact]
    public void The_current_context_says_where_and_who()
    {
        var read = Load(Good);
        Assert.Equal(("https://10.99.0.1:6443/base", "secret", "podnet"), (read.Server.AbsoluteUri, read.Token, read.TlsServerName));
        Assert.Null(read.AuthorityPem);
    }

    [Theory]
    [InlineData("current-context: c", "current-context: d", ": contexts: none is named d")]
    [InlineData("current-context: c", "", ": no current-context")]
    [InlineData("cluster: k,", "cluster: l,", ": clusters: none is named l")]
    [InlineData("user: u}", "user: v}", ": users: none is named v")]
    [InlineData("https://10.99.0.1:6443/base", "10.99.0.1", ": cluster k: server \"10.99.0.1\" is not an http or https URL")]
    [InlineData("token: secret", "exec: {command: aws}", ": the user's exec or auth-provider is not supported: use a token or a client certificate")]
    [InlineData("tls-server-name: podnet", "certificate-authority-data: \"%\"", ": certificate-authority-data is not base64: ")]
    [InlineData("apiVersion: v1", "{", ":")]
    [InlineData("apiVersion: v1", "--- {}\n---", ": not one YAML document with a mapping")]
    public void What_is_wrong_is_said_in_one_line(string right, string wrong, string message)
    {
        var e = Assert.Throws<KubeconfigException>(() => Load(Good.Replace(right, wrong, StringComparison.Ordinal)));
        Assert.StartsWith($"kubeconfig {_file}{message}", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    [Fact]
    public void A_file_that_is_not_there_is_named()
    {
        Assert.StartsWith("kubeconfig /nowhere/config: ", Assert.Throws<KubeconfigException>(() => ApiClient.FromKubeconfig("/nowhere/config")).Message, StringComparison.Ordinal);
    }
}
