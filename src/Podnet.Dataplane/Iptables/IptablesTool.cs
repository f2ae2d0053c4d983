using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Podnet.Core.Model;
using Podnet.Core.Rules;
using Podnet.Dataplane.Nftables;
using Podnet.Linux;

namespace Podnet.Dataplane.Iptables;

/// <summary>
/// The programs of Debian's package iptables, for one IP family, in the calling thread's network namespace: run it on a thread
/// that is in the node's.
/// </summary>
/// <param name="folder">Where the programs are, ending in a slash; empty for PATH.</param>
internal sealed partial class IptablesTool(IPFamily family, string folder = "")
{
    /// <summary>Arbitrary: tens of thousands of chains take some ten seconds.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Lazy<bool> _isNftables = new(() => Run(folder + (family == IPFamily.V4 ? "iptables" : "ip6tables"), ["--version"], default)
        .StandardOutput.Contains("(nf_tables)", StringComparison.Ordinal));

    private readonly string _name = folder + (family == IPFamily.V4 ? "iptables" : "ip6tables");

    /// <summary>These programs write to nf_tables, which tells others what they changed; else to the kernel's older iptables, which does not.</summary>
    public bool IsNftables => _isNftables.Value;

    /// <summary>All tables with their counters. A table that nobody has used yet is missing.</summary>
    public IptablesRuleset Save()
    {
        var program = $"{_name}-save";
        var result = Run(program, ["-c"], default);
        if (!result.Succeeded)
            throw new IptablesException($"{program}: {Words(result)}");
        foreach (var table in (string[])[IptablesTables.Mangle, IptablesTables.Filter, IptablesTables.Nat])
        {
            // iptables-save's words for a table of its own name with rules that nft wrote and iptables has no words for.
            if (result.StandardOutput.Contains($"# Table `{table}' is incompatible", StringComparison.Ordinal))
            {
                throw new IptablesException(
                    $"{program}: table {table} holds rules that only nft can read; look at 'nft list table {(family == IPFamily.V4 ? "ip" : "ip6")} {table}' "
                    + "and move them to a table of another name");
            }
        }

        return IptablesParser.Parse(result.StandardOutput, family);
    }

    /// <summary>The table nat alone with its counters, as text: for those who look for a few words in very many rules.</summary>
    public string SaveNat()
    {
        var program = $"{_name}-save";
        var result = Run(program, ["-c", "-t", IptablesTables.Nat], default);
        return result.Succeeded ? result.StandardOutput : throw new IptablesException($"{program}: {Words(result)}");
    }

    /// <summary>One chain with its counters; null where it is not there, or cannot be read: the program does not tell them apart.</summary>
    public IptablesChain? TryRead(string table, string chain)
    {
        var result = Run(_name, ["-w", "5", "-t", table, "-v", "-S", chain], default);
        return result.Succeeded ? IptablesParser.ParseChain(result.StandardOutput, chain, family) : null;
    }

    /// <summary>Each part of the input, up to its COMMIT, is carried out as a whole or not at all.</summary>
    /// <param name="ruleset">Is told that what this changes is ours; null where nobody listens.</param>
    public void Restore(string input, Ruleset? ruleset = null)
    {
        var program = $"{_name}-restore";
        var result = ruleset is null ? Start() : ruleset.Run(Start, input.AsSpan().Count("COMMIT\n"));
        if (result.Succeeded)
            return;
        var words = Words(result);
        var number = LineNumber().Match(words);
        var lines = input.Split('\n');
        if (number.Success && int.TryParse(number.Groups["number"].ValueSpan, NumberStyles.None, null, out var n) && n >= 1 && n <= lines.Length)
            throw new IptablesException($"{program}: {words}; line {n} is: {lines[n - 1]}", lines[n - 1]);
        throw new IptablesException($"{program}: {words}");

        // -w 5: wait so many seconds for the lock of other iptables programs (only the legacy ones have one).
        ProcessResult Start() => Run(program, ["--noflush", "--counters", "-w", "5"], Encoding.UTF8.GetBytes(input));
    }

    /// <summary>False where the package iptables is not installed.</summary>
    public bool IsThere()
    {
        try
        {
            return ChildProcess.Run(new ProcessStart(_name, ["--version"]), default, Patience).Succeeded;
        }
        catch (KernelException e) when (e.Errno == Errno.NoEntry)
        {
            return false;
        }
    }

    public bool HasChain(string table, string chain) => Run(_name, ["-w", "5", "-t", table, "-S", chain], default).Succeeded;

    [GeneratedRegex(@"line:? (?<number>\d+)", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex LineNumber();

    private static string Words(ProcessResult result)
    {
        var text = string.Join(' ', result.StandardError.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        return text.Length == 0 ? $"failed with {result.Status}" : text;
    }

    private static ProcessResult Run(string program, IReadOnlyList<string> arguments, ReadOnlyMemory<byte> input)
    {
        try
        {
            return ChildProcess.Run(new ProcessStart(program, arguments), input, Patience);
        }
        catch (KernelException e) when (e.Errno == Errno.NoEntry)
        {
            throw new IptablesException($"the program {program} is not there: install the Debian package iptables");
        }
    }
}
