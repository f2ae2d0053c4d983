using System.Net;
using System.Text.Json.Nodes;
using Podnet.Local.ApiServer;

namespace Podnet.Local.Tests.ApiServer;

public sealed class SelectorTests
{
    [Theory]
    [InlineData("", true)]
    [InlineData("a", true)]
    [InlineData("!a", false)]
    [InlineData("!z", true)]
    [InlineData("a=1", true)]
    [InlineData("a==1,b=2", true)]
    [InlineData("a=1,b=3", false)]
    [InlineData("a!=1", false)]
    [InlineData("z!=1", true)]
    [InlineData("a in (1, 2), b notin (3)", true)]
    [InlineData("a in (3)", false)]
    [InlineData("z notin (1)", true)]
    [InlineData("example.com/x = y", true)]
    [InlineData("b=", false)]
    public void A_label_selector(string selector, bool matches) => Assert.Equal(matches, LabelSelector.Parse(selector).Matches(
        new Dictionary<string, string> { ["a"] = "1", ["b"] = "2", ["example.com/x"] = "y" }));

    [Theory]
    [InlineData("a of (b)")]
    [InlineData("a in b")]
    [InlineData("a in (b")]
    [InlineData("a=b c")]
    [InlineData("=b")]
    [InlineData("a,,b")]
    public void A_label_selector_that_makes_no_sense_is_refused(string selector) =>
        Assert.Equal(400, Assert.Throws<StatusException>(() => LabelSelector.Parse(selector)).Code);

    [Theory]
    [InlineData(0, "0s")]
    [InlineData(119, "119s")]
    [InlineData(120, "2m")]
    [InlineData(125, "2m5s")]
    [InlineData(600, "10m")]
    [InlineData(3 * 3600, "3h")]
    [InlineData((3 * 3600) + 60, "3h1m")]
    [InlineData(9 * 3600, "9h")]
    [InlineData(50 * 3600, "2d2h")]
    [InlineData(8 * 86400, "8d")]
    [InlineData(800 * 86400, "2y70d")]
    [InlineData(-5, "<invalid>")]
    public void An_age_reads_as_in_kubectl(long seconds, string expected) =>
        Assert.Equal(expected, TableLayout.HumanDuration(TimeSpan.FromSeconds(seconds)));

    [Theory]
    [InlineData("""{"status":{"phase":"Pending"}}""", "Pending")]
    [InlineData("""{"status":{"phase":"Running","containerStatuses":[{"ready":true,"state":{"running":{}}}]}}""", "Running")]
    [InlineData("""{"status":{"phase":"Pending","containerStatuses":[{"state":{"waiting":{"reason":"ContainerCreating"}}}]}}""", "ContainerCreating")]
    [InlineData("""{"status":{"phase":"Running","containerStatuses":[{"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}}""", "CrashLoopBackOff")]
    [InlineData("""{"status":{"phase":"Failed","containerStatuses":[{"state":{"terminated":{"exitCode":3}}}]}}""", "ExitCode:3")]
    [InlineData("""{"status":{"phase":"Succeeded","containerStatuses":[{"state":{"terminated":{"exitCode":0,"reason":"Completed"}}}]}}""", "Completed")]
    [InlineData("""{"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"},"status":{"phase":"Running"}}""", "Terminating")]
    [InlineData("""{"spec":{"initContainers":[{},{}]},"status":{"phase":"Pending","initContainerStatuses":[{"state":{"terminated":{"exitCode":0}}},{"state":{"running":{}}}]}}""", "Init:1/2")]
    public void The_status_word_of_a_pod(string pod, string expected) =>
        Assert.Equal(expected, PodTable.Status(JsonNode.Parse(pod)!.AsObject()));

    [Fact]
    public void Every_kind_has_a_cell_for_each_column_even_when_it_is_empty()
    {
        foreach (var resource in new ResourceTable([IPNetwork.Parse("10.0.0.0/16")]).All)
            Assert.Equal(resource.Table.Columns.Count, resource.Table.Cells([], DateTimeOffset.UtcNow).Length);
    }
}
