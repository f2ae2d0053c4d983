using System.Diagnostics;

namespace Podnet.Cli;

/// <summary>
/// What a long command is doing, and for how long. On a terminal one line lives and is replaced by a line per finished step;
/// elsewhere only lines that stay: finished steps, and every few seconds what is still waited for.
/// </summary>
internal sealed class Progress : IDisposable
{
    // Arbitrary: often enough to look alive; seldom enough not to flood a log.
    private static readonly TimeSpan Frame = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan PlainEvery = TimeSpan.FromSeconds(5);
    private const string Spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";

    private readonly Lock _gate = new();
    private readonly Stopwatch _total = Stopwatch.StartNew();
    private readonly TextWriter _output;
    private readonly bool _terminal;
    private readonly Timer _timer;
    private Stopwatch _step = Stopwatch.StartNew();
    private string _what = "";
    private int _frame;
    private TimeSpan _saidAt;

    /// <param name="output">Standard output, or standard error where the command's output is for a program.</param>
    internal Progress(TextWriter output)
    {
        _output = output;
        _terminal = !(output == Console.Out ? Console.IsOutputRedirected : Console.IsErrorRedirected);
        _timer = new Timer(_ => Tick(), null, _terminal ? Frame : PlainEvery, _terminal ? Frame : PlainEvery);
    }

    internal TimeSpan Elapsed => _total.Elapsed;

    /// <summary>What is being done or waited for now, with how far it is.</summary>
    internal void Now(string what)
    {
        lock (_gate)
        {
            _what = what;
            if (_terminal)
                Draw();
        }
    }

    /// <summary>A step is done; the next one begins.</summary>
    internal void Done(string what)
    {
        lock (_gate)
        {
            Clear();
            _output.WriteLine(_terminal
                ? $"\e[32m✓\e[0m {what} \e[90m{_step.Elapsed.TotalSeconds:0.00} s\e[0m"
                : $"✓ {what} {_step.Elapsed.TotalSeconds:0.00} s");
            _step = Stopwatch.StartNew();
            _what = "";
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        lock (_gate)
            Clear();
    }

    private void Tick()
    {
        lock (_gate)
        {
            if (_what == "")
                return;
            if (_terminal)
            {
                _frame++;
                Draw();
            }
            else if (_total.Elapsed - _saidAt >= PlainEvery)
            {
                _saidAt = _total.Elapsed;
                _output.WriteLine($"  {_what} ({_step.Elapsed.TotalSeconds:0} s)");
            }
        }
    }

    private void Draw()
    {
        var line = $"{Spinner[_frame % Spinner.Length]} {_what}  {_step.Elapsed.TotalSeconds:0.0} s";
        var width = Math.Max(20, Console.WindowWidth - 1);
        _output.Write($"\r{(line.Length > width ? line[..width] : line)}\e[K");
    }

    private void Clear()
    {
        if (_terminal)
            _output.Write("\r\e[K");
    }
}
