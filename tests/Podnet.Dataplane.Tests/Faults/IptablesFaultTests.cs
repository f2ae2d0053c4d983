using Podnet.Core.Model;
using Podnet.Core.Rules;
using Podnet.Dataplane.Iptables;
using Podnet.Dataplane.Nftables;
using Podnet.Fixtures;
using Podnet.Testing;

namespace Podnet.Dataplane.Tests.Faults;

/// <summary>Programs that break in the middle: a folder of the test's own stands before the real ones.</summary>
public sealed class IptablesFaultTests : IDisposable
{
    private static readonly IptablesRuleset Wanted = RuleFixture.Read("05-nodeport").Render(IPFamily.V4);

    private readonly Kernel _kernel = new();
    private readonly Ruleset _ruleset;
    private readonly string _folder = Directory.CreateTempSubdirectory("podnet-").FullName;

    public IptablesFaultTests() => _ruleset = _kernel.In(() => new Ruleset());

    public void Dispose()
    {
        _ruleset.Dispose();
        _kernel.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("the first table alone", "sed '/^COMMIT/q' | iptables-restore \"$@\"; echo 'line 7 failed' >&2; exit 1")]
    [InlineData("nothing", "cat >/dev/null; echo 'iptables-restore v1.8.9 (nf_tables): Resource busy' >&2; exit 4")]
    [InlineData("nothing, since somebody holds the lock", "cat >/dev/null; echo 'Another app is currently holding the xtables lock' >&2; exit 4")]
    [InlineData("killed before it read", "kill -9 $$")]
    [InlineData("all of it, and then it broke", "iptables-restore \"$@\"; exit 1")]
    public void A_restore_that_fails_half_way_is_made_good_by_the_next_pass(string wrote, string script)
    {
        using var fresh = new Kernel();
        fresh.In(() => new IptablesDriver(IPFamily.V4).Apply(Wanted));
        var driver = Driver($"[ -e {_folder}/broken ] || exec iptables-restore \"$@\"\n{script}");
        File.WriteAllText($"{_folder}/broken", wrote);
        Assert.Throws<IptablesException>(() => _kernel.In(() => driver.Apply(Wanted)));

        File.Delete($"{_folder}/broken");
        _kernel.In(() => driver.Apply(Wanted));

        Assert.Equal(SavedRules.Normalize(fresh.Run("iptables-save")), SavedRules.Normalize(_kernel.Run("iptables-save")));
        Assert.True(_kernel.In(() => driver.Apply(Wanted)).ChangedNothing);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(500)]
    public void Rules_in_many_transactions_are_those_in_one_and_each_step_on_the_way_is_taken(int chainsAtOnce)
    {
        var state = RuleFixture.Read("16-large").State;
        var wanted = RuleFixture.Render(state, IPFamily.V4);
        var patch = IptablesComparer.Compare(wanted, IptablesRuleset.Empty(IPFamily.V4));
        _kernel.In(() => AccountingObjects.TryEnsure());

        _kernel.In(() => new IptablesTool(IPFamily.V4).Restore(patch.Print(chainsAtOnce)));

        Assert.Equal(SavedRules.Normalize(IptablesText.Save(wanted)), SavedRules.Normalize(_kernel.Run("iptables-save")));
    }

    [Fact]
    public void Own_changes_that_the_kernel_is_not_asked_to_tell_are_no_reason_to_look()
    {
        var wanted = RuleFixture.Render(RuleFixture.Read("16-large").State, IPFamily.V4);
        var driver = new IptablesDriver(IPFamily.V4, _ruleset);
        _kernel.In(() => driver.Apply(wanted));
        Assert.True(_kernel.In(() => driver.Repair(() => throw new InvalidOperationException("there is nothing to look at"))).ChangedNothing);
    }

    private IptablesDriver Driver(string restore)
    {
        Script("iptables-restore", restore);
        foreach (var program in (string[])["iptables", "iptables-save"])
            Script(program, $"exec {program} \"$@\"");
        return new IptablesDriver(IPFamily.V4, _ruleset, new IptablesTool(IPFamily.V4, _folder + "/"));
    }

    private void Script(string name, string text)
    {
        File.WriteAllText($"{_folder}/{name}", $"#!/bin/sh\n{text}\n");
        File.SetUnixFileMode($"{_folder}/{name}", UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
