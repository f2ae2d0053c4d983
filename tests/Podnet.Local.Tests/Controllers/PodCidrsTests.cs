using System.Net;
using CsCheck;
using k8s.Models;
using Podnet.Local.Controllers;

namespace Podnet.Local.Tests.Controllers;

public class PodCidrsTests
{
    private static string Grant(string clusterCidrs, params V1Node[] nodes) => string.Join(" ", PodCidrs
        .Decide(nodes, [.. clusterCidrs.Split(',').Select(c => IPNetwork.Parse(c))])
        .Select(g => $"{g.Node.Metadata.Name}={(g.Exhausted is { } full ? $"none of {full}" : string.Join(',', g.Cidrs))}"));

    [Theory]
    [InlineData("10.244.0.0/16", "", "n=10.244.0.0/24")]
    [InlineData("10.244.0.0/16", "10.244.0.0/24", "n=10.244.1.0/24")]
    [InlineData("10.244.0.0/16", "10.244.1.0/24", "n=10.244.0.0/24")]
    [InlineData("10.244.0.0/16", "10.244.1.0/24 10.244.0.0/24", "n=10.244.2.0/24")]
    [InlineData("10.240.0.0/16", "10.240.0.0/27 10.240.0.32/27", "n=10.240.1.0/24")] // Smaller ones lie within the first subnet.
    [InlineData("10.244.0.0/16", "10.244.0.0/22 10.244.2.0/24", "n=10.244.4.0/24")]
    [InlineData("10.244.0.0/16", "10.0.0.0/8", "n=none of 10.244.0.0/16")]
    [InlineData("10.244.0.0/23", "10.244.0.0/24 10.244.1.0/24", "n=none of 10.244.0.0/23")]
    [InlineData("255.255.254.0/23", "255.255.254.0/24 255.255.255.0/24", "n=none of 255.255.254.0/23")]
    [InlineData("10.244.0.128/25", "", "n=10.244.0.128/25")] // Smaller than a node's usual part.
    [InlineData("10.244.0.0/16,fd00:10:244::/56", "", "n=10.244.0.0/24,fd00:10:244::/64")]
    [InlineData("10.244.0.0/16,fd00:10:244::/56", "10.244.0.0/24,fd00:10:244::/64", "n=10.244.1.0/24,fd00:10:244:1::/64")]
    [InlineData("10.244.0.0/16,fd00:10:244::/64", "10.244.0.0/24,fd00:10:244::/64", "n=none of fd00:10:244::/64")]
    public void A_node_gets_the_next_subnet_that_is_free(string cluster, string taken, string granted)
    {
        var others = taken.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select((cidrs, i) => Make.Node($"other-{i}", cidrs.Split(',')));
        Assert.Equal(granted, Grant(cluster, [.. others, Make.Node("n")]));
    }

    [Fact]
    public void Older_nodes_come_first_and_a_node_that_goes_gets_nothing()
    {
        Assert.Equal("old=10.244.0.0/24 a=10.244.1.0/24 b=10.244.2.0/24", Grant(
            "10.244.0.0/16",
            Make.Node("b"), Make.Node("a"), Make.Node("old").With(n => n.Metadata.CreationTimestamp = Make.Now.AddDays(-1)),
            Make.Node("leaving").With(n => n.Metadata.DeletionTimestamp = Make.Now)));
    }

    [Fact]
    public void When_one_family_is_full_nothing_of_the_other_is_lost()
    {
        Assert.Equal(
            "a=10.244.0.0/24,fd00::/64 b=none of fd00::/64 c=none of fd00::/64",
            Grant("10.244.0.0/16,fd00::/64", Make.Node("a"), Make.Node("b"), Make.Node("c")));
    }

    [Fact]
    public void No_two_nodes_overlap_and_deciding_again_gives_nothing_more()
    {
        Gen.Select(Gen.Int[0, 20], Gen.Int[0, 12], Gen.Int[0, int.MaxValue]).Sample((count, takenCount, seed) =>
        {
            var random = new Random(seed);
            var cluster = IPNetwork.Parse("10.244.0.0/20");
            var nodes = Enumerable.Range(0, count).Select(i => Make.Node($"node-{i}")).Concat(Enumerable.Range(0, takenCount).Select(i =>
                Make.Node($"taken-{i}", $"10.244.{random.Next(16)}.{random.Next(8) * 32}/27"))).ToArray();
            random.Shuffle(nodes);
            var before = nodes.SelectMany(node => PodCidrs.Of(node)).ToList();
            var grants = PodCidrs.Decide(nodes, [cluster]);
            Assert.Equal(Math.Min(count, 16 - before.Select(c => c.BaseAddress.GetAddressBytes()[2]).Distinct().Count()), grants.Count(g => g.Exhausted is null));
            foreach (var grant in grants.Where(g => g.Exhausted is null))
            {
                var cidr = Assert.Single(grant.Cidrs);
                Assert.DoesNotContain(before, taken => taken.Contains(cidr.BaseAddress) || cidr.Contains(taken.BaseAddress));
                before.Add(cidr);
                grant.Node.Spec.PodCIDRs = [cidr.ToString()];
            }
            Assert.All(PodCidrs.Decide(nodes, [cluster]), grant => Assert.NotNull(grant.Exhausted));
        });
    }
}
