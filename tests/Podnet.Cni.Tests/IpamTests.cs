using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Podnet.Cni.Ipam;
using Podnet.Cni.Protocol;
using Podnet.Testing;

namespace Podnet.Cni.Tests;

public sealed class IpamTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Addresses_go_round_robin_and_never_to_the_network_or_broadcast_address()
    {
        var config = Read(_folder.Config("10.0.0.0/29"));
        var given = Enumerable.Range(0, 6).Select(i => Allocate(config, $"c{i}")).ToList();
        Assert.Equal(["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"], given);
        var full = Assert.Throws<CniException>(() => Allocate(config, "c6"));
        Assert.Equal(CniErrorCode.NoAddressLeft, full.Code);
        Assert.Contains("10.0.0.0/29", full.Message);
        AddressManager.Release(config, For("c1"));
        AddressManager.Release(config, For("c4"));
        Assert.Equal(["10.0.0.2", "10.0.0.5"], [Allocate(config, "c7"), Allocate(config, "c8")]);
    }

    [Fact]
    public void A_freed_address_rests_until_all_others_have_had_their_turn()
    {
        var config = Read(_folder.Config("10.0.0.0/30 10.0.1.0/30"));
        var given = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            given.Add(Allocate(config, "c"));
            AddressManager.Release(config, For("c"));
        }

        Assert.Equal(["10.0.0.1", "10.0.0.2", "10.0.1.1", "10.0.1.2", "10.0.0.1"], given);
    }

    [Fact]
    public void The_same_container_and_interface_get_the_same_address_again()
    {
        var config = Read(_folder.Config("10.0.0.0/24", "fd00::/64"));
        var first = AddressManager.Allocate(config, For("c"));
        var again = AddressManager.Allocate(config, For("c"));
        Assert.Equal(first.Addresses, again.Addresses);
        Assert.Empty(again.New);
        Assert.NotEqual(first.Addresses, AddressManager.Allocate(config, For("c") with { InterfaceName = "net1" }).Addresses);
        AddressManager.Undo(config, again); // of an ADD that failed: what the first one had stays
        Assert.Equal(first.Addresses.Order(Comparer), AddressManager.HeldBy(config, For("c")).Order(Comparer));
    }

    [Fact]
    public void A_requested_address_is_given_or_refused_by_its_name()
    {
        Assert.Equal("10.0.0.28", Allocate(Read(_folder.Requesting("10.0.0.28", "10.0.0.0/27")), "c1"));
        Assert.Equal("10.0.0.29", Allocate(Read(_folder.Requesting("10.0.0.29/27", "10.0.0.0/27")), "c2"));
        Assert.Equal("10.0.0.28", Allocate(Read(_folder.Requesting("10.0.0.28", "10.0.0.0/27")), "c1"));
        var taken = Assert.Throws<CniException>(() => Allocate(Read(_folder.Requesting("10.0.0.28", "10.0.0.0/27")), "c3"));
        Assert.Equal(CniErrorCode.AddressTaken, taken.Code);
        Assert.Contains("10.0.0.28", taken.Message);
        var another = Assert.Throws<CniException>(() => Allocate(Read(_folder.Requesting("10.0.0.9", "10.0.0.0/27")), "c1"));
        Assert.Contains("10.0.0.28", another.Message);
        foreach (var outside in new[] { "10.0.0.32", "10.0.0.0", "10.0.0.31", "fd00::1" })
        {
            var refused = Assert.Throws<CniException>(() => Allocate(Read(_folder.Requesting(outside, "10.0.0.0/27")), "c4"));
            Assert.Equal(CniErrorCode.InvalidConfig, refused.Code);
            Assert.Contains(outside, refused.Message);
        }

        Assert.Equal(["10.0.0.28", "10.0.0.29"], _folder.Addresses);
    }

    [Fact]
    public void Start_end_gateway_and_exclusions_narrow_a_range()
    {
        var json = _folder.Json("1.1.0", "10.0.0.0/24");
        json["ipam"]!["ranges"] = JsonNode.Parse(
            """[[{"subnet":"10.0.0.0/24","rangeStart":"10.0.0.9","rangeEnd":"10.0.0.20","gateway":"10.0.0.10","exclude":["10.0.0.12/30","10.0.0.18"]},{"subnet":"10.0.0.0/24","rangeStart":"10.0.0.253"}]]""");
        var config = Read(json.ToJsonString());
        string[] all = ["9", "11", "16", "17", "19", "20", "253", "254"];
        Assert.Equal(all.Select(n => $"10.0.0.{n}"), all.Select(n => Allocate(config, $"c{n}")));
        var full = Assert.Throws<CniException>(() => Allocate(config, "c"));
        Assert.Equal("no address is left in 10.0.0.0/24", full.Message);
        AddressManager.Release(config, For("c17"));
        Assert.Equal("10.0.0.17", Allocate(config, "c"));
        json["runtimeConfig"] = JsonNode.Parse("""{"ips":["10.0.0.13"]}""");
        Assert.Equal(CniErrorCode.InvalidConfig, Assert.Throws<CniException>(() => Allocate(Read(json.ToJsonString()), "d")).Code);
    }

    [Fact]
    public void Addresses_are_asked_for_by_capability_by_args_and_by_cni_args()
    {
        var json = _folder.Json("1.1.0", "10.0.0.0/24", "10.1.0.0/24", "fd00::/64");
        json["runtimeConfig"] = JsonNode.Parse("""{"ips":["10.0.0.5/24"]}""");
        json["args"] = JsonNode.Parse("""{"cni":{"ips":["10.1.0.6"]}}""");
        var request = For("c") with { Arguments = CniArguments.Read("IP=fd00::7/64;K8S_POD_UID=x") };
        var config = NetworkConfig.Read(new MemoryStream(Encoding.UTF8.GetBytes(json.ToJsonString())), request, _ => { });
        Assert.Equal(["10.0.0.5", "10.1.0.6", "fd00::7"], AddressManager.Allocate(config, request).Addresses.Select(a => a.ToString()));
    }

    [Fact]
    public void Ranges_of_the_runtime_stand_before_those_of_the_configuration()
    {
        var json = _folder.Json("1.1.0", "10.0.0.0/24");
        json["ipam"]!["subnet"] = "10.5.0.0/24";
        json["runtimeConfig"] = JsonNode.Parse("""{"ipRanges":[[{"subnet":"10.9.0.0/24","rangeStart":"10.9.0.8"}]]}""");
        Assert.Equal(
            ["10.9.0.8", "10.5.0.1", "10.0.0.1"],
            AddressManager.Allocate(Read(json.ToJsonString()), For("c")).Addresses.Select(a => a.ToString()));
    }

    [Theory]
    [InlineData("fd00::5efe:192.168.0.1", "fd00::5efe:c0a8:1")]
    [InlineData("::1.2.3.4", "::102:304")]
    [InlineData("fd00::5efe:0.0.0.1", "fd00::5efe:0:1")]
    [InlineData("2001:db8::1", "2001:db8::1")]
    [InlineData("10.0.0.1", "10.0.0.1")]
    public void An_address_is_written_as_host_local_writes_it(string address, string expected) =>
        Assert.Equal(expected, AddressNumber.TextOf(IPAddress.Parse(address)));

    [Fact]
    public void All_sets_or_none()
    {
        var config = Read(_folder.Config("10.0.0.0/24", "10.1.0.0/30"));
        Allocate(config, "c1");
        Allocate(config, "c2");
        Assert.Throws<CniException>(() => Allocate(config, "c3"));
        Assert.Equal(["10.0.0.1", "10.0.0.2", "10.1.0.1", "10.1.0.2"], _folder.Addresses);
    }

    [Fact]
    public void The_files_are_those_of_host_local()
    {
        Allocate(Read(_folder.Config("10.0.0.0/24", "fd00::/64")), "0123abc");
        Assert.Equal("0123abc\r\neth0", File.ReadAllText($"{_folder.Path}/podnet/10.0.0.1"));
        Assert.Equal("0123abc\r\neth0", File.ReadAllText($"{_folder.Path}/podnet/fd00::1"));
        Assert.Equal("10.0.0.1", File.ReadAllText($"{_folder.Path}/podnet/last_reserved_ip.0"));
        Assert.Equal("fd00::1", File.ReadAllText($"{_folder.Path}/podnet/last_reserved_ip.1"));
    }

    [Fact]
    public void What_host_local_left_is_honoured()
    {
        Directory.CreateDirectory($"{_folder.Path}/podnet");
        File.WriteAllText($"{_folder.Path}/podnet/10.0.0.2", "old1\r\neth0");
        File.WriteAllText($"{_folder.Path}/podnet/10.0.0.3", "old2"); // before 0.8 it wrote no interface
        File.WriteAllText($"{_folder.Path}/podnet/last_reserved_ip.0", "10.0.0.1");
        var config = Read(_folder.Config("10.0.0.0/24"));
        Assert.Equal("10.0.0.4", Allocate(config, "new"));
        AddressManager.Release(config, For("old1"));
        AddressManager.Release(config, For("old2"));
        Assert.Equal(["10.0.0.4"], _folder.Addresses);
    }

    [Fact]
    public void What_a_killed_add_left_empty_is_given_out_again()
    {
        Directory.CreateDirectory($"{_folder.Path}/podnet");
        File.WriteAllText($"{_folder.Path}/podnet/10.0.0.1", "");
        File.WriteAllText($"{_folder.Path}/podnet/last_reserved_ip.0", "");
        Assert.Equal("10.0.0.1", Allocate(Read(_folder.Config("10.0.0.0/30")), "c"));
    }

    [Fact]
    public void Release_takes_only_what_the_container_and_interface_have_and_may_be_repeated()
    {
        var config = Read(_folder.Config("10.0.0.0/24"));
        AddressManager.Release(config, For("c1")); // not even a folder
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
        Allocate(config, "c1");
        Allocate(config, "c11");
        AddressManager.Release(config, For("c1"));
        AddressManager.Release(config, For("c1"));
        Assert.Equal(["10.0.0.2"], _folder.Addresses);
    }

    [Fact]
    public void A_full_disk_is_an_error_that_leaves_nothing()
    {
        // A tmpfs in which the folder, the lock and the file itself have room (inodes), but not its content (blocks).
        Directory.CreateDirectory($"{_folder.Path}/podnet");
        Tool.Run("mount", "-t", "tmpfs", "-o", "size=4096", "tmpfs", $"{_folder.Path}/podnet");
        try
        {
            File.WriteAllText($"{_folder.Path}/podnet/filler", new string('x', 4096));
            var full = Assert.Throws<CniException>(() => Allocate(Read(_folder.Config("10.0.0.0/24")), "c"));
            Assert.Equal(CniErrorCode.InputOutput, full.Code);
            Assert.Contains("No space left", full.Details);
            Assert.Equal(["filler"], _folder.Addresses);

            File.Delete($"{_folder.Path}/podnet/filler");
            Tool.Run("mount", "-o", "remount,ro", $"{_folder.Path}/podnet");
            var readOnly = Assert.Throws<CniException>(() => Allocate(Read(_folder.Config("10.0.0.0/24")), "c"));
            Assert.Equal(CniErrorCode.InputOutput, readOnly.Code);
            Assert.Contains("Read-only", readOnly.Details);
            Assert.Empty(_folder.Addresses);
        }
        finally
        {
            Tool.Run("umount", $"{_folder.Path}/podnet");
        }
    }

    [Fact]
    public void However_containers_come_and_go_no_two_hold_one_address_and_none_is_lost()
    {
        // true: ADD, false: DEL, of one of 8 containers, in 6 + 4 addresses.
        Gen.Select(Gen.Bool, Gen.Int[0, 7]).Array[0, 60].Sample(
            steps =>
            {
                using var folder = new TestFolder();
                var config = Read(folder.Config("10.0.0.0/29", "fd00::/126 fd00::20/126"));
                var held = new Dictionary<int, string[]>();
                foreach (var (add, container) in steps)
                {
                    if (!add)
                    {
                        AddressManager.Release(config, For($"c{container}"));
                        held.Remove(container);
                        continue;
                    }

                    try
                    {
                        var given = AddressManager.Allocate(config, For($"c{container}")).Addresses.Select(a => a.ToString()).ToArray();
                        if (held.TryGetValue(container, out var before))
                            Assert.Equal(before, given);
                        held[container] = given;
                    }
                    catch (CniException e) when (e.Code == CniErrorCode.NoAddressLeft)
                    {
                        Assert.Equal(6, held.Count);
                    }

                    Assert.Equal(held.Values.SelectMany(a => a).Order(StringComparer.Ordinal), folder.Addresses);
                    Assert.DoesNotContain("10.0.0.0", folder.Addresses);
                    Assert.DoesNotContain("10.0.0.7", folder.Addresses);
                    Assert.DoesNotContain("fd00::", folder.Addresses);
                }
            },
            iter: 100,
            threads: 1);
    }

    [Fact]
    public void The_next_free_address_is_the_first_free_one_behind_the_last()
    {
        Gen.Select(Gen.Int[24, 30], Gen.Int[0, 255], Gen.Int[0, 255].HashSet[0, 40]).Sample((prefix, last, used) =>
        {
            var set = new RangeSet(0, [AddressRange.Of(IPNetwork.Parse($"10.0.0.0/{prefix}"))!]);
            var taken = used.Select(n => AddressNumber.Of(new IPAddress([10, 0, 0, (byte)n]))).ToHashSet();
            var size = 1 << (32 - prefix);
            var usable = Enumerable.Range(1, size - 2).ToList();
            var order = usable.Contains(last) ? usable.Where(n => n > last).Concat(usable.Where(n => n <= last)) : usable;
            var expected = order.Where(n => !used.Contains(n)).Select(n => $"10.0.0.{n}").FirstOrDefault();
            Assert.Equal(expected, set.NextFree(new IPAddress([10, 0, 0, (byte)last]), taken)?.ToString());
        });
    }

    private static readonly IComparer<IPAddress> Comparer =
        System.Collections.Generic.Comparer<IPAddress>.Create((a, b) => string.CompareOrdinal(a.ToString(), b.ToString()));

    private static string Allocate(NetworkConfig config, string container) =>
        AddressManager.Allocate(config, For(container)).Addresses[0].ToString();

    private static Request For(string container) => new(CniCommand.Add, container, "eth0", "/run/netns/x", CniArguments.None);

    private static NetworkConfig Read(string config) => NetworkConfig.Read(new MemoryStream(Encoding.UTF8.GetBytes(config)), For("c"), _ => { });
}
