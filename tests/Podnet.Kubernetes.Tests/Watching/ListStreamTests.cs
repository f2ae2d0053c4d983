using System.Text;
using System.Text.Json;
using k8s.Models;

namespace Podnet.Kubernetes.Tests.Watching;

public sealed class ListStreamTests
{
    private const string List = """
        {"kind":"ServiceList","metadata":{"resourceVersion":"7","continue":"next"},"extra":[{"items":1}],"items":[
          {"metadata":{"name":"a\"}]","namespace":"default"}},
          {"metadata":{"name":"bad","namespace":"default","uid":"u"},"spec":7},
          {"metadata":{"namespace":"default"}},
          {"metadata":{"name":"c","namespace":"default"},"spec":{"ports":[{"port":80}]}}]}
        """;

    private readonly List<string> _found = [];
    private readonly List<BrokenObject> _broken = [];

    private Task<ListEnd> ReadAsync(string json, int chunk = int.MaxValue) =>
        new ListStream<V1Service>(Resources.Services, service => _found.Add(service.Metadata.Name), _broken.Add)
            .ReadAsync(new SlowStream(Encoding.UTF8.GetBytes(json), chunk), CancellationToken.None);

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(int.MaxValue)]
    public async Task A_list_is_the_same_in_whatever_pieces_it_comes(int chunk)
    {
        Assert.Equal(new ListEnd("7", "next"), await ReadAsync(List, chunk));
        Assert.Equal(["a\"}]", "c"], _found);
        Assert.Equal(["default/bad", "default/items[2]"], _broken.Select(each => each.Name.ToString()));
        Assert.Equal("u", _broken[0].Uid);
    }

    [Fact]
    public async Task What_is_said_of_the_list_may_come_after_its_items()
    {
        Assert.Equal(new ListEnd("7", null), await ReadAsync("""{"items":[{"metadata":{"name":"a","namespace":"b"}}],"metadata":{"resourceVersion":"7","continue":""}}"""));
        Assert.Equal(["a"], _found);
        Assert.Equal(new ListEnd("8", null), await ReadAsync("""{"metadata":{"resourceVersion":"8"},"items":null}"""));
    }

    [Fact]
    public async Task An_object_larger_than_the_buffer_is_an_object()
    {
        var note = new string('x', 1 << 20);
        var json = $$"""{"metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"big","namespace":"b","annotations":{"note":"{{note}}"} } },{"metadata":{"name":"c","namespace":"b"} }]}""";
        await ReadAsync(json, chunk: 10_000);
        Assert.Equal(["big", "c"], _found);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("""{"items":[]}""")]
    [InlineData("""{"metadata":{"resourceVersion":"7"},"items":{}}""")]
    [InlineData("""{"metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"a","namespace":"b"}}""")]
    [InlineData("<html>")]
    public async Task What_is_no_whole_list_is_an_error(string json)
    {
        await Assert.ThrowsAnyAsync<JsonException>(() => ReadAsync(json));
    }

    /// <summary>Gives a few bytes at a time.</summary>
    private sealed class SlowStream(byte[] all, int chunk) : MemoryStream(all)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(chunk, buffer.Length)], cancellationToken);
    }
}
