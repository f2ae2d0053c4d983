using Podnet.Local.Images;

namespace Podnet.Local.Tests.Images;

public class ReferenceTests
{
    private const string Digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    // Rows of github.com/distribution/reference, normalize_test.go and reference_test.go, with a tag where none is said.
    [Theory]
    [InlineData("nginx", "docker.io/library/nginx:latest")]
    [InlineData("nginx:1.25", "docker.io/library/nginx:1.25")]
    [InlineData("docker.io/nginx", "docker.io/library/nginx:latest")]
    [InlineData("index.docker.io/library/nginx", "docker.io/library/nginx:latest")]
    [InlineData("dmcgowan/myapp", "docker.io/dmcgowan/myapp:latest")]
    [InlineData("foo/foo/bar", "docker.io/foo/foo/bar:latest")]
    [InlineData("localhost/web:test", "localhost/web:test")]
    [InlineData("localhost:5000/web", "localhost:5000/web:latest")]
    [InlineData("127.0.0.1:5000/team/web:1", "127.0.0.1:5000/team/web:1")]
    [InlineData("[::1]:5000/web", "[::1]:5000/web:latest")]
    [InlineData("registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10")]
    [InlineData("Uppercase.example/web", "Uppercase.example/web:latest")]
    [InlineData("a-b.example/c__d/e.f:A_b-1.2", "a-b.example/c__d/e.f:A_b-1.2")]
    [InlineData("nginx@" + Digest, "docker.io/library/nginx@" + Digest)]
    [InlineData("nginx:1.25@" + Digest, "docker.io/library/nginx@" + Digest)]
    public void A_name_is_made_whole_as_Kubernetes_makes_it(string text, string whole)
    {
        Assert.True(ImageReference.TryParse(text, out var reference, out var fault), fault);
        Assert.Equal(whole, reference.ToString());
        Assert.Equal(whole, ImageReference.Parse(whole).ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData(":latest")]
    [InlineData("/nginx")]
    [InlineData("nginx/")]
    [InlineData("Nginx")]
    [InlineData("no such image")]
    [InlineData("registry/..")]
    [InlineData("../nginx")]
    [InlineData("a//b")]
    [InlineData("-nginx")]
    [InlineData("nginx:")]
    [InlineData("nginx:-1")]
    [InlineData("nginx@sha256:0123")]
    [InlineData("nginx@md5:0123456789abcdef0123456789abcdef")]
    [InlineData("exa_mple.org:5000/web")]
    [InlineData("docker://nginx")]
    public void What_is_no_name_is_said_in_Kubernetes_words(string text)
    {
        Assert.False(ImageReference.TryParse(text, out _, out var fault));
        Assert.StartsWith($"couldn't parse image name \"{text}\": ", fault);
    }

    [Fact]
    public void A_name_is_not_longer_than_registries_take() =>
        Assert.False(ImageReference.TryParse("example.org/" + new string('a', 250), out _, out _));

    [Theory]
    [InlineData("localhost/web", true)]
    [InlineData("localhost:5000/web", true)]
    [InlineData("127.0.0.1:5000/web", true)]
    [InlineData("127.9.9.9/web", true)]
    [InlineData("[::1]:5000/web", true)]
    [InlineData("nginx", false)]
    [InlineData("localhost.example.org/web", false)]
    [InlineData("10.0.0.1:5000/web", false)]
    public void A_registry_is_on_this_machine_by_its_address(string text, bool expected) =>
        Assert.Equal(expected, ImageReference.Parse(text).IsOnLoopback);

    [Theory]
    [InlineData("web:1", "docker.io/library/web:1 localhost/web:1")]
    [InlineData("team/web", "docker.io/team/web:latest localhost/team/web:latest")]
    [InlineData("docker.io/library/web:1", "docker.io/library/web:1")]
    [InlineData("example.org/web:1", "example.org/web:1")]
    public void A_name_without_a_registry_is_also_one_that_podman_built(string text, string names) =>
        Assert.Equal(names, string.Join(' ', ImageReference.Parse(text).KnownAs));
}
