using System.Text;

namespace Podnet.Linux.Tests;

public sealed class ChildProcessTests
{
    [Fact]
    public void What_a_program_prints_and_how_it_ends_is_kept()
    {
        var result = ChildProcess.Run("sh", "-c", "echo out; echo err >&2; exit 7");
        Assert.Equal(new ProcessResult(new ExitStatus(7, 0), "out\n", "err\n") { Pid = result.Pid }, result);
        Assert.True(result.Pid > 0);
    }

    [Fact]
    public void A_signal_is_told_from_an_exit_code()
    {
        var status = ChildProcess.Run("sh", "-c", "kill -TERM $$").Status;
        Assert.Equal(new ExitStatus(0, Signals.Terminate), status);
        Assert.Equal(143, status.ShellCode);
    }

    [Fact]
    public void Input_of_any_size_reaches_the_program()
    {
        var input = new string('x', 1 << 20); // more than a pipe holds
        var result = ChildProcess.Run(new ProcessStart("wc", ["-c"]), Encoding.ASCII.GetBytes(input), ChildProcess.DefaultTimeout);
        Assert.Equal($"{1 << 20}\n", result.StandardOutput);
    }

    [Fact]
    public void A_program_that_reads_nothing_of_its_input_is_no_error()
    {
        var result = ChildProcess.Run(new ProcessStart("true", []), new byte[1 << 20], ChildProcess.DefaultTimeout);
        Assert.True(result.Succeeded);
    }

    [Fact]
    public void A_program_that_hangs_is_killed()
    {
        var error = Assert.Throws<TimeoutException>(
            () => ChildProcess.Run(new ProcessStart("sleep", ["600"]), default, TimeSpan.FromMilliseconds(50)));
        Assert.Contains("sleep did not end within", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_that_is_not_there_is_an_error_that_names_it()
    {
        var error = Assert.Throws<KernelException>(() => ChildProcess.Run("no-such-program"));
        Assert.Equal(Errno.NoEntry, error.Errno);
        Assert.Contains("no-such-program", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Environment_folder_and_session_are_the_ones_asked_for()
    {
        var result = ChildProcess.Run(
            new ProcessStart("sh", ["-c", "echo $MARK $HOME; pwd; ps -o sid= -p $$ | tr -d ' '; echo $$"])
            {
                Environment = new Dictionary<string, string?> { ["MARK"] = "here", ["HOME"] = null },
                WorkingDirectory = "/usr",
                NewSession = true,
            },
            default,
            ChildProcess.DefaultTimeout);
        var lines = result.StandardOutput.Split('\n');
        Assert.Equal("here", lines[0].TrimEnd());
        Assert.Equal("/usr", lines[1]);
        Assert.Equal(lines[3], lines[2]); // it leads its session
    }

    [Fact]
    public async Task Many_children_at_once_are_each_told_their_own_end()
    {
        var children = Enumerable.Range(0, 50).Select(i => (i, child: ChildProcess.Start(new ProcessStart("sh", ["-c", $"exit {i}"])))).ToList();
        foreach (var (i, child) in children)
            Assert.Equal(i, (await child.Exited).Code);
    }
}
