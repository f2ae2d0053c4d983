using System.Runtime.InteropServices;
using System.Text;

namespace Podnet.Linux;

/// <summary>What to start. A program without a slash is looked for in PATH.</summary>
public sealed record ProcessStart(string Program, IReadOnlyList<string> Arguments)
{
    /// <summary>Added to, or (with a null) taken from, the environment of this process.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>();

    public string? WorkingDirectory { get; init; }

    /// <summary>The child leads a session of its own: no terminal, and no Ctrl-C meant for its parent.</summary>
    public bool NewSession { get; init; }

    /// <summary>A null is /dev/null.</summary>
    public FileHandle? StandardInput { get; init; }

    public FileHandle? StandardOutput { get; init; }

    public FileHandle? StandardError { get; init; }
}

/// <summary>How a program ended: an exit code, or the signal that ended it.</summary>
public readonly record struct ExitStatus(int Code, int Signal)
{
    public bool Succeeded => Code == 0 && Signal == 0;

    /// <summary>As a shell says it, and a container's status too: 128 + the signal.</summary>
    public int ShellCode => Signal != 0 ? 128 + Signal : Code;

    public override string ToString() => Signal != 0 ? $"signal {Signal}" : $"exit code {Code}";
}

/// <summary>The output of a program that ran to its end.</summary>
public sealed record ProcessResult(ExitStatus Status, string StandardOutput, string StandardError)
{
    public bool Succeeded => Status.Succeeded;

    /// <summary>What it was while it ran: another process may have it by now.</summary>
    public int Pid { get; init; }
}

/// <summary>
/// A child by posix_spawn(3). System.Diagnostics.Process can neither give a child a file as its output nor a session of its
/// own. The child is born in the calling thread's network namespace.
/// </summary>
public sealed class ChildProcess
{
    private ChildProcess(int pid, Task<ExitStatus> exited)
    {
        Pid = pid;
        Exited = exited;
    }

    public int Pid { get; }

    public Task<ExitStatus> Exited { get; }

    public static ChildProcess Start(ProcessStart start)
    {
        var pid = Spawn(start);
        return new ChildProcess(pid, Reaper.Watch(pid));
    }

    /// <summary>A child of a child that came to this process because it is the subreaper.</summary>
    public static ChildProcess Adopt(int pid) => new(pid, Reaper.Watch(pid));

    /// <summary>From now on orphans among this process's descendants become its children (prctl(2), PR_SET_CHILD_SUBREAPER).</summary>
    public static void BecomeSubreaper()
    {
        if (Libc.prctl(Libc.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
            throw KernelException.FromLastError("become a subreaper");
    }

    /// <summary>
    /// Takes the ends of those that a program left to this process, a subreaper, when it ended; blocks until there is none more. The program must
    /// have been started with <see cref="ProcessStart.NewSession"/>. How many there were.
    /// </summary>
    /// <param name="leader">The program's process.</param>
    public static unsafe int ReapSession(int leader)
    {
        var count = 0;
        Libc.SigInfo info = default;
        while (Libc.waitid(Libc.P_PGID, (uint)leader, &info, Libc.WEXITED) == 0)
            count++;
        return count;
    }

    /// <summary>Runs a program to its end, blocking, and keeps what it prints.</summary>
    /// <param name="input">Given to it on standard input.</param>
    /// <param name="timeout">After it the program is killed, and the call throws <see cref="TimeoutException"/>.</param>
    public static ProcessResult Run(ProcessStart start, ReadOnlyMemory<byte> input, TimeSpan timeout)
    {
        using var stdin = Pipe.Create();
        using var stdout = Pipe.Create();
        using var stderr = Pipe.Create();
        var child = Start(start with { StandardInput = stdin.Read, StandardOutput = stdout.Write, StandardError = stderr.Write });
        stdin.Read.Dispose();
        stdout.Write.Dispose();
        stderr.Write.Dispose();
        var output = stdout.ReadToEnd();
        var error = stderr.ReadToEnd();
        var fed = stdin.Feed(input);
        var all = Task.WhenAll(child.Exited, output, error, fed);
        if (!all.Wait(timeout))
        {
            child.Kill(Signals.Kill);
            throw new TimeoutException($"{start.Program} did not end within {timeout.TotalSeconds:0.#} s and was killed");
        }

        return new ProcessResult(child.Exited.Result, output.Result, error.Result) { Pid = child.Pid };
    }

    public static ProcessResult Run(string program, params string[] arguments) =>
        Run(new ProcessStart(program, arguments), default, DefaultTimeout);

    /// <summary>Arbitrary: long enough for any tool that Podnet calls, on a busy machine.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(60);

    /// <summary>False if it has ended already.</summary>
    public bool Kill(int signal) => Signals.Send(Pid, signal);

    private static unsafe int Spawn(ProcessStart start)
    {
        using var devNull = FileHandle.OpenNull();
        // posix_spawn_file_actions_t is 80 and posix_spawnattr_t 336 bytes in glibc, sigset_t 128; room to spare.
        var actions = stackalloc byte[512];
        var attributes = stackalloc byte[1024];
        var signals = stackalloc byte[256];
        Libc.posix_spawn_file_actions_init(actions);
        Libc.posix_spawnattr_init(attributes);
        var argv = Strings([start.Program, .. start.Arguments]);
        var envp = Strings(EnvironmentOf(start));
        try
        {
            // dup2 clears close-on-exec, also where both numbers are equal.
            Libc.posix_spawn_file_actions_adddup2(actions, (start.StandardInput ?? devNull).Fd, 0);
            Libc.posix_spawn_file_actions_adddup2(actions, (start.StandardOutput ?? devNull).Fd, 1);
            Libc.posix_spawn_file_actions_adddup2(actions, (start.StandardError ?? devNull).Fd, 2);
            if (start.WorkingDirectory is { } folder)
                Libc.posix_spawn_file_actions_addchdir_np(actions, folder);

            // The runtime ignores SIGPIPE and blocks nothing; a child expects the defaults.
            Libc.sigfillset(signals);
            Libc.posix_spawnattr_setsigdefault(attributes, signals);
            Libc.sigemptyset(signals);
            Libc.posix_spawnattr_setsigmask(attributes, signals);
            var flags = Libc.POSIX_SPAWN_SETSIGDEF | Libc.POSIX_SPAWN_SETSIGMASK | (start.NewSession ? Libc.POSIX_SPAWN_SETSID : 0);
            Libc.posix_spawnattr_setflags(attributes, (short)flags);

            int pid;
            var error = Libc.posix_spawnp(&pid, start.Program, actions, attributes, argv, envp);
            return error == 0 ? pid : throw new KernelException((Errno)error, $"start {start.Program}");
        }
        finally
        {
            Free(argv);
            Free(envp);
            Libc.posix_spawn_file_actions_destroy(actions);
            Libc.posix_spawnattr_destroy(attributes);
        }
    }

    private static List<string> EnvironmentOf(ProcessStart start)
    {
        var variables = new Dictionary<string, string?>(StringComparer.Ordinal);
        foreach (System.Collections.DictionaryEntry e in System.Environment.GetEnvironmentVariables())
            variables[(string)e.Key] = (string?)e.Value;
        foreach (var (name, value) in start.Environment)
            variables[name] = value;
        return [.. variables.Where(v => v.Value is not null).Select(v => $"{v.Key}={v.Value}")];
    }

    private static unsafe byte** Strings(IReadOnlyList<string> values)
    {
        var array = (byte**)NativeMemory.AllocZeroed((nuint)values.Count + 1, (nuint)sizeof(byte*));
        for (var i = 0; i < values.Count; i++)
        {
            var length = Encoding.UTF8.GetByteCount(values[i]);
            array[i] = (byte*)NativeMemory.AllocZeroed((nuint)length + 1);
            Encoding.UTF8.GetBytes(values[i], new Span<byte>(array[i], length));
        }

        return array;
    }

    private static unsafe void Free(byte** array)
    {
        for (var p = array; *p != null; p++)
            NativeMemory.Free(*p);
        NativeMemory.Free(array);
    }
}
