using Microsoft.Extensions.Time.Testing;

namespace Podnet.Kubernetes.Tests;

public sealed class TokenFileTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();
    private readonly FakeTimeProvider _time = new();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void A_rotated_token_is_used_within_a_minute_and_the_old_one_while_there_is_no_file()
    {
        File.WriteAllText(_file, "one\n");
        var token = new TokenFile(_file, _time);
        Assert.Equal("one", token.Read());
        File.WriteAllText(_file, "two\n");
        _time.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal("two", token.Read());
        File.Delete(_file);
        _time.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal("two", token.Read());
    }

    [Fact]
    public void A_token_that_never_was_is_an_error_with_its_path()
    {
        var e = Assert.Throws<ApiException>(() => new TokenFile("/nowhere/token", _time).Read());
        Assert.StartsWith("token file /nowhere/token: ", e.Message, StringComparison.Ordinal);
    }
}
