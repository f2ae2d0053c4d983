using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging.Abstractions;
using Podnet.Local.ApiServer;
using Podnet.Local.Kubelet;
using Podnet.Testing;

namespace Podnet.Local.Tests.Kubelet;

/// <summary>What a container has printed, as kubectl logs wants it.</summary>
public sealed class LogTests : IDisposable
{
    private static readonly LogOptions All = new(Follow: false, TailLines: null, Since: null, Timestamps: false, LimitBytes: null);

    private readonly string _folder = Directory.CreateTempSubdirectory("podnet-log-").FullName;

    private string Path => $"{_folder}/0.log";

    [Theory]
    [InlineData(null, "1\n2\n3\n")]
    [InlineData(0L, "")]
    [InlineData(2L, "2\n3\n")]
    [InlineData(9L, "1\n2\n3\n")]
    public async Task The_last_lines_are_as_many_as_asked_for(long? lines, string expected)
    {
        await File.WriteAllTextAsync(Path, "1\n2\n3\n");
        Assert.Equal(expected, await ReadAsync(All with { TailLines = lines }));
    }

    [Fact]
    public async Task A_last_line_without_an_end_counts_as_one()
    {
        await File.WriteAllTextAsync(Path, "1\n2\n3");
        Assert.Equal("2\n3", await ReadAsync(All with { TailLines = 2 }));
    }

    [Fact]
    public async Task Lines_far_from_the_end_are_found()
    {
        await File.WriteAllTextAsync(Path, string.Concat(Enumerable.Range(0, 50_000).Select(i => $"line {i}\n")));
        Assert.StartsWith("line 10000\nline 10001\n", await ReadAsync(All with { TailLines = 40_000 }));
    }

    [Fact]
    public async Task No_more_bytes_than_asked_for()
    {
        await File.WriteAllTextAsync(Path, "1234567890\n");
        Assert.Equal("123", await ReadAsync(All with { LimitBytes = 3 }));
    }

    [Fact]
    public async Task Each_line_has_the_time_at_which_it_came_and_older_ones_can_be_left_out()
    {
        using var stop = new CancellationTokenSource();
        var keeper = new LogKeeper(NullLogger.Instance);
        var running = keeper.RunAsync(stop.Token);
        await File.WriteAllTextAsync(Path, "");
        keeper.Add(Path);
        await File.AppendAllTextAsync(Path, "first\n");
        await Poll.UntilAsync(() => File.Exists(LogKeeper.TimesOf(Path)), () => "no times are kept");
        var between = DateTimeOffset.UtcNow;
        await File.AppendAllTextAsync(Path, "second\nthird\n");
        keeper.Remove(Path);
        await stop.CancelAsync();
        await Task.WhenAny(running);

        Assert.Equal("second\nthird\n", await ReadAsync(All with { Since = between }));
        var stamped = (await ReadAsync(All with { Timestamps = true })).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(stamped, line => Assert.Matches(new Regex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (first|second|third)$"), line));
        var times = stamped.Select(line => DateTimeOffset.Parse(line.Split(' ')[0])).ToArray();
        Assert.True(times[0] <= between && between <= times[1] && times[1] == times[2]);
    }

    [Fact]
    public async Task A_file_that_grows_keeps_its_newest_part_and_gives_back_the_rest()
    {
        var keeper = new LogKeeper(NullLogger.Instance);
        await File.WriteAllTextAsync(Path, "");
        keeper.Add(Path);
        var line = new string('x', 1023) + "\n";
        await File.AppendAllTextAsync(Path, string.Concat(Enumerable.Repeat(line, 14 * 1024)) + "the end\n");
        keeper.Remove(Path);

        var text = await ReadAsync(All);
        Assert.EndsWith("x\nthe end\n", text);
        Assert.InRange(text.Length, LogKeeper.Kept - 4096, LogKeeper.Kept + 4096);
        Assert.DoesNotContain('\0', text);
        var blocks = Podnet.Linux.ChildProcess.Run("stat", "-c", "%b", Path).StandardOutput;
        Assert.InRange(long.Parse(blocks) * 512, 1, LogKeeper.Kept + (2 << 20));
    }

    [Fact]
    public async Task Following_goes_on_as_long_as_the_container_writes()
    {
        await File.WriteAllTextAsync(Path, "1\n");
        var written = true;
        var output = new MemoryStream();
        var reading = new ContainerLog(Path, All with { Follow = true }, () => Volatile.Read(ref written)).CopyToAsync(output, default);
        await Poll.UntilAsync(() => output.Length == 2, () => $"{output.Length} bytes have come, not 2");
        await File.AppendAllTextAsync(Path, "2\n");
        Volatile.Write(ref written, false);
        await reading;
        Assert.Equal("1\n2\n", Encoding.UTF8.GetString(output.ToArray()));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private async Task<string> ReadAsync(LogOptions options)
    {
        var output = new MemoryStream();
        await new ContainerLog(Path, options, () => false).CopyToAsync(output, default);
        return Encoding.UTF8.GetString(output.ToArray());
    }
}
