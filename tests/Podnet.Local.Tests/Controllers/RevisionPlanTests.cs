using k8s.Models;
using Podnet.Local.Controllers;

namespace Podnet.Local.Tests.Controllers;

public sealed class RevisionPlanTests
{
    private static readonly HashSet<string> NoPods = [];

    [Fact]
    public void A_new_template_gets_the_next_number()
    {
        var first = Created("nginx", []);
        Assert.Equal(1, first.Revision);
        var second = Decide("nginx:2", [first], NoPods);
        Assert.Equal(2, second.Create!.Revision);
        Assert.NotEqual(first.Metadata.Name, second.Create.Metadata.Name);
        Assert.Equal("replace", second.Patch!["data"]!["spec"]!["template"]!["$patch"]!.GetValue<string>());
    }

    [Fact]
    public void The_template_that_there_is_is_recorded_once()
    {
        var first = Created("nginx", []);
        var again = Decide("nginx", [first], NoPods);
        Assert.Null(again.Create);
        Assert.Null(again.Patch);
    }

    [Fact]
    public void A_template_that_comes_back_becomes_the_newest()
    {
        var first = Created("nginx", []);
        var second = Created("nginx:2", [first]);
        var back = Decide("nginx", [first, second], NoPods);
        Assert.Null(back.Create);
        Assert.Equal("""{"revision":3}""", back.Patch!.ToJsonString());
    }

    [Fact]
    public void Beyond_the_limit_the_oldest_go_but_not_those_of_living_pods()
    {
        var revisions = new List<V1ControllerRevision>();
        for (var i = 1; i <= 4; i++)
            revisions.Add(Created($"nginx:{i}", revisions));
        Assert.Equal([revisions[0], revisions[1]], Decide("nginx:4", revisions, NoPods, limit: 1).Delete);
        var living = new HashSet<string> { revisions[0].Metadata.Labels["controller-revision-hash"] };
        Assert.Equal([revisions[1]], Decide("nginx:4", revisions, living, limit: 1).Delete);
    }

    /// <summary>As it is once it is written.</summary>
    private static V1ControllerRevision Created(string image, List<V1ControllerRevision> revisions)
    {
        var created = Decide(image, revisions, NoPods).Create!;
        created.Data = "some";
        return created;
    }

    private static RevisionDecision Decide(string image, List<V1ControllerRevision> revisions, HashSet<string> used, int limit = 10) => RevisionPlan.Decide(
        Make.Meta("db"), new V1OwnerReference { Kind = "StatefulSet", Name = "db", Uid = "uid-of-db", Controller = true },
        new V1LabelSelector { MatchLabels = Make.App("db") }, Make.Template("db", image), limit, revisions, used);
}
