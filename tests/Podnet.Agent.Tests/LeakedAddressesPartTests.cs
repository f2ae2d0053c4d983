using System.Globalization;
using Podnet.Core.Model;
using Podnet.Testing;

namespace Podnet.Agent.Tests;

/// <summary>Reservations on a disk, beside the routes of a real kernel.</summary>
public sealed class LeakedAddressesPartTests : IDisposable
{
    private readonly Kernel _kernel = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("podnet-agent-test-").FullName;
    private readonly RecordingLogger _log = new();
    private readonly AgentStatus _status;
    private readonly LeakedAddressesPart _part;

    public LeakedAddressesPartTests()
    {
        _status = new AgentStatus(new AgentOptions("node-1", "/k"), _log);
        _part = new LeakedAddressesPart(new CniFiles("/nowhere", "/nowhere/x.json") { Reservations = $"{_folder}/podnet" }, _status);
    }

    public void Dispose()
    {
        _part.Dispose();
        _kernel.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Reserved_addresses_that_no_route_leads_to_are_counted_and_named_once()
    {
        Look();
        Assert.Equal(0, Leaked()); // not even a folder
        _kernel.Run("ip", "link", "add", "pn0", "up", "type", "veth", "peer", "name", "peer");
        _kernel.Run("ip", "link", "add", "cni0", "up", "type", "bridge");
        _kernel.Run("ip", "address", "add", "10.250.0.1/24", "dev", "cni0");
        _kernel.Run("ip", "route", "add", "default", "via", "10.250.0.9");
        _kernel.Run("ip", "route", "add", "10.240.0.2/32", "dev", "pn0", "proto", "80");
        _kernel.Run("ip", "route", "add", "10.240.0.3/32", "via", "10.250.0.9", "proto", "80");
        Reserve("10.240.0.2"); // a pod of ours
        Reserve("10.250.0.7"); // one on another plugin's bridge
        Reserve("10.240.0.3"); // somebody else's by now
        Reserve("10.240.0.4");
        Reserve("fd00::4");
        Reserve("10.240.0.5", old: false); // an ADD that is under way
        Reserve("lock");
        Reserve("last_reserved_ip.0");

        Look();
        Assert.Equal(0, Leaked()); // it may be a DEL that is under way
        Look();
        Look();

        Assert.Equal(3, Leaked());
        var line = Assert.Single(_log.Lines);
        Assert.Contains(": 10.240.0.3, 10.240.0.4, fd00::4", line, StringComparison.Ordinal);

        File.Delete($"{_folder}/podnet/fd00::4");
        Look();
        Assert.Equal(2, Leaked());
        Assert.Equal(5, Directory.GetFiles($"{_folder}/podnet", "10.*").Length);
    }

    private void Look() => Assert.Null(_kernel.In(() => _part.Apply(ClusterState.Empty, ClusterChanges.None, readBack: true)));

    private int Leaked() => int.Parse(
        string.Concat(_status.Metrics.Print()).Split("\npodnet_leaked_addresses ")[1].Split('\n')[0], CultureInfo.InvariantCulture);

    private void Reserve(string name, bool old = true)
    {
        var path = Path.Combine(Directory.CreateDirectory($"{_folder}/podnet").FullName, name);
        File.WriteAllText(path, "c1\r\neth0");
        if (old)
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddMinutes(-2));
    }
}
