using k8s.Models;
using Podnet.Local.Controllers;

namespace Podnet.Local.Tests.Controllers;

public class SelectorTests
{
    [Theory]
    [InlineData("In", "web,db", "web", true)]
    [InlineData("In", "web,db", "cache", false)]
    [InlineData("In", "web", null, false)]
    [InlineData("NotIn", "web", "cache", true)]
    [InlineData("NotIn", "web", null, true)]
    [InlineData("NotIn", "web", "web", false)]
    [InlineData("Exists", "", "anything", true)]
    [InlineData("Exists", "", null, false)]
    [InlineData("DoesNotExist", "", null, true)]
    [InlineData("DoesNotExist", "", "web", false)]
    public void An_expression_holds_as_the_API_says(string @operator, string values, string? label, bool holds)
    {
        var selector = Selector.Of(new V1LabelSelector
        {
            MatchExpressions = [new V1LabelSelectorRequirement { Key = "app", OperatorProperty = @operator, Values = values.Split(',') }],
        });
        Assert.Equal(holds, selector.Matches(label is null ? null : Make.App(label)));
    }

    [Fact]
    public void No_selector_selects_nothing_and_an_empty_one_everything()
    {
        Assert.False(Selector.Of((V1LabelSelector?)null).Matches(Make.App("web")));
        Assert.True(Selector.Of(new V1LabelSelector()).Matches(null));
    }
}
