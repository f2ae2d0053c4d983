using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.Pause.Tests;

public sealed class PauseTests : IDisposable
{
    private readonly List<ChildProcess> _started = [];

    [Fact]
    public void Dash_v_prints_the_version_and_ends()
    {
        var result = ChildProcess.Run(PauseProcess.Path, "-v");
        Assert.True(result.Succeeded);
        Assert.Matches(@"^pause \d+\.\d+\.\d+\n$", result.StandardError);
    }

    [Theory]
    [InlineData(Signals.Interrupt, "SIGINT")]
    [InlineData(Signals.Terminate, "SIGTERM")]
    public async Task It_says_which_signal_ended_it_and_ends_well(int signal, string name)
    {
        using var file = new TemporaryFile();
        var pause = Start([PauseProcess.Path], file.Path);
        Poll.Until(() => file.Text.Contains("warning"), () => "pause does not begin");

        pause.Kill(signal);

        Assert.True((await pause.Exited.WaitAsync(PauseProcess.Deadline)).Succeeded);
        Assert.EndsWith($"got {name}\n", file.Text);
    }

    [Fact]
    public async Task It_warns_only_where_it_is_not_the_first_process()
    {
        using var file = new TemporaryFile();
        var unshare = Start(["unshare", "--pid", "--fork", "--kill-child", PauseProcess.Path], file.Path);
        var pause = PauseUnder(unshare);

        Signals.Send(pause, Signals.Terminate);

        Assert.True((await unshare.Exited.WaitAsync(PauseProcess.Deadline)).Succeeded);
        Assert.DoesNotContain("warning", file.Text);
        Assert.Contains("SIGTERM", file.Text);
    }

    [Fact]
    public async Task As_the_first_process_it_takes_away_orphans_that_end_also_many_at_once()
    {
        using var file = new TemporaryFile();
        const int orphans = 50;
        var script = $"i=0; while [ $i -lt {orphans} ]; do (sleep 1000 &); i=$((i+1)); done; exec {PauseProcess.Path}";
        var unshare = Start(["unshare", "--pid", "--fork", "--kill-child", "sh", "-c", script], file.Path);
        var pause = PauseUnder(unshare);
        Poll.Until(() => PauseProcess.ChildrenOf(pause).Length == orphans, () => $"{orphans} orphans do not come to pause");
        var children = PauseProcess.ChildrenOf(pause);

        foreach (var child in children)
            Signals.Send(child, Signals.Kill);

        Poll.Until(() => !Array.Exists(children, PauseProcess.Exists), () => "a zombie is left");
        Assert.True(PauseProcess.Runs(pause));
        Signals.Send(pause, Signals.Terminate);
        Assert.True((await unshare.Exited.WaitAsync(PauseProcess.Deadline)).Succeeded);
    }

    /// <summary>The dead child is there before pause is, so no signal will ever tell of it.</summary>
    [Fact]
    public async Task It_takes_away_a_child_that_had_ended_before_it_began()
    {
        using var file = new TemporaryFile();
        // An outer shell that never waits: the child ends, is a zombie for certain (state Z), and only then pause begins.
        // Perl, because a shell takes its dead children away by itself.
        const string leaveZombie = """
            my $child = fork // die;
            exit unless $child;
            while (1) { open my $stat, '<', "/proc/$child/stat"; last if <$stat> =~ /\) Z /; }
            exec @ARGV;
            """;
        var unshare = Start(["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "perl", "-e", leaveZombie, PauseProcess.Path], file.Path);
        var pause = PauseUnder(unshare);

        Poll.Until(() => PauseProcess.ChildrenOf(pause).Length == 0, () => "the zombie stays");

        Signals.Send(pause, Signals.Terminate);
        Assert.True((await unshare.Exited.WaitAsync(PauseProcess.Deadline)).Succeeded);
    }

    [Fact]
    public void It_needs_no_other_file()
    {
        var headers = Tool.Run("readelf", "--program-headers", "--wide", PauseProcess.Path);
        Assert.DoesNotContain("INTERP", headers);
        Assert.DoesNotContain("DYNAMIC", headers);
    }

    public void Dispose()
    {
        foreach (var child in _started.Where(child => !child.Exited.IsCompleted))
            child.Kill(Signals.Kill);
    }

    private ChildProcess Start(string[] command, string output)
    {
        using var log = FileHandle.OpenAppend(output);
        var child = ChildProcess.Start(new ProcessStart(command[0], command[1..]) { StandardOutput = log, StandardError = log });
        _started.Add(child);
        return child;
    }

    private static int PauseUnder(ChildProcess unshare)
    {
        int[] found = [];
        Poll.Until(
            () =>
            {
                found = [.. PauseProcess.ChildrenOf(unshare.Pid).Where(PauseProcess.Runs)];
                return found.Length == 1;
            },
            () => "pause does not run as the first process");
        return found[0];
    }
}
