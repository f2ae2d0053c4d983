using System.Text.Json;
using System.Text.Json.Nodes;
using Podnet.Local.ApiSchema;
using Podnet.Local.ApiServer;

namespace Podnet.Local.Tests.ApiServer;

public sealed class PatchTests
{
    /// <summary>RFC 7386 appendix A.</summary>
    [Theory]
    [InlineData("""{"a":"b"}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":"b"}""", """{"b":"c"}""", """{"a":"b","b":"c"}""")]
    [InlineData("""{"a":"b"}""", """{"a":null}""", "{}")]
    [InlineData("""{"a":"b","b":"c"}""", """{"a":null}""", """{"b":"c"}""")]
    [InlineData("""{"a":["b"]}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":{"b":"c"}}""", """{"a":{"b":"d","c":null}}""", """{"a":{"b":"d"}}""")]
    [InlineData("""{"a":[{"b":"c"}]}""", """{"a":[1]}""", """{"a":[1]}""")]
    [InlineData("{}", """{"a":{"bb":{"ccc":null}}}""", """{"a":{"bb":{}}}""")]
    public void A_merge_patch(string target, string patch, string expected) =>
        Assert.Equal(expected, MergePatch.Apply(JsonNode.Parse(target), JsonNode.Parse(patch))!.ToJsonString());

    /// <summary>RFC 6902 appendix A.</summary>
    [Theory]
    [InlineData("""{"foo":"bar"}""", """[{"op":"add","path":"/baz","value":"qux"}]""", """{"foo":"bar","baz":"qux"}""")]
    [InlineData("""{"foo":["bar","baz"]}""", """[{"op":"add","path":"/foo/1","value":"qux"}]""", """{"foo":["bar","qux","baz"]}""")]
    [InlineData("""{"foo":["bar"]}""", """[{"op":"add","path":"/foo/-","value":["abc"]}]""", """{"foo":["bar",["abc"]]}""")]
    [InlineData("""{"baz":"qux","foo":"bar"}""", """[{"op":"remove","path":"/baz"}]""", """{"foo":"bar"}""")]
    [InlineData("""{"foo":["bar","qux","baz"]}""", """[{"op":"remove","path":"/foo/1"}]""", """{"foo":["bar","baz"]}""")]
    [InlineData("""{"baz":"qux"}""", """[{"op":"replace","path":"/baz","value":"boo"}]""", """{"baz":"boo"}""")]
    [InlineData("""{"foo":{"bar":"baz"},"qux":{}}""", """[{"op":"move","from":"/foo/bar","path":"/qux/thud"}]""", """{"foo":{},"qux":{"thud":"baz"}}""")]
    [InlineData("""{"a":{"b":1}}""", """[{"op":"copy","from":"/a","path":"/c"}]""", """{"a":{"b":1},"c":{"b":1}}""")]
    [InlineData("""{"a/b":{"m~n":8}}""", """[{"op":"test","path":"/a~1b/m~0n","value":8},{"op":"remove","path":"/a~1b"}]""", "{}")]
    public void A_json_patch(string target, string patch, string expected) =>
        Assert.Equal(expected, JsonPatch.Apply(JsonNode.Parse(target)!.AsObject(), JsonNode.Parse(patch)!.AsArray()).ToJsonString());

    [Theory]
    [InlineData("""[{"op":"test","path":"/a","value":2}]""")]
    [InlineData("""[{"op":"remove","path":"/b"}]""")]
    [InlineData("""[{"op":"replace","path":"/b","value":1}]""")]
    [InlineData("""[{"op":"add","path":"/b/c","value":1}]""")]
    [InlineData("""[{"op":"add","path":"b","value":1}]""")]
    [InlineData("""[{"op":"add","path":"/l/5","value":1}]""")]
    [InlineData("""[{"op":"add","path":"/b"}]""")]
    [InlineData("""[{"op":"mend","path":"/a"}]""")]
    [InlineData("""[{"op":"replace","path":"","value":1}]""")]
    public void A_json_patch_that_cannot_be_done_is_refused(string patch) =>
        Assert.Throws<JsonException>(() => JsonPatch.Apply(JsonNode.Parse("""{"a":1,"l":[1]}""")!.AsObject(), JsonNode.Parse(patch)!.AsArray()));

    [Theory]
    // A container is found by its name, and its ports by their number.
    [InlineData("""{"spec":{"containers":[{"name":"a","image":"1","ports":[{"containerPort":80}]},{"name":"b"}]}}""",
        """{"spec":{"containers":[{"name":"a","image":"2","ports":[{"containerPort":81}]}]}}""",
        """{"spec":{"containers":[{"name":"a","image":"2","ports":[{"containerPort":80},{"containerPort":81}]},{"name":"b"}]}}""")]
    [InlineData("""{"spec":{"containers":[{"name":"a"},{"name":"b"}]}}""",
        """{"spec":{"containers":[{"name":"a","$patch":"delete"}]}}""",
        """{"spec":{"containers":[{"name":"b"}]}}""")]
    [InlineData("""{"spec":{"containers":[{"name":"a"},{"name":"b"}]}}""",
        """{"spec":{"containers":[{"name":"c"},{"$patch":"replace"}]}}""",
        """{"spec":{"containers":[{"name":"c"}]}}""")]
    [InlineData("""{"spec":{"containers":[{"name":"a"},{"name":"b"}]}}""",
        """{"spec":{"$setElementOrder/containers":[{"name":"b"},{"name":"c"},{"name":"a"}],"containers":[{"name":"c"}]}}""",
        """{"spec":{"containers":[{"name":"b"},{"name":"c"},{"name":"a"}]}}""")]
    // Lists without a merge key are replaced.
    [InlineData("""{"spec":{"tolerations":[{"key":"a"}]}}""", """{"spec":{"tolerations":[{"key":"b"}]}}""", """{"spec":{"tolerations":[{"key":"b"}]}}""")]
    [InlineData("""{"metadata":{"finalizers":["a","b"]}}""", """{"metadata":{"finalizers":["c"]}}""", """{"metadata":{"finalizers":["a","b","c"]}}""")]
    [InlineData("""{"metadata":{"finalizers":["a","b"]}}""", """{"metadata":{"$deleteFromPrimitiveList/finalizers":["a"]}}""", """{"metadata":{"finalizers":["b"]}}""")]
    [InlineData("""{"metadata":{"labels":{"a":"1","b":"2"}}}""", """{"metadata":{"labels":{"a":null,"c":"3"}}}""", """{"metadata":{"labels":{"b":"2","c":"3"}}}""")]
    [InlineData("""{"spec":{"securityContext":{"runAsUser":1,"fsGroup":2}}}""", """{"spec":{"securityContext":{"$patch":"replace","runAsUser":3}}}""", """{"spec":{"securityContext":{"runAsUser":3}}}""")]
    [InlineData("""{"spec":{"volumes":[{"name":"v","emptyDir":{}}]}}""", """{"spec":{"volumes":[{"name":"v","$retainKeys":["name","hostPath"],"hostPath":{"path":"/x"}}]}}""",
        """{"spec":{"volumes":[{"name":"v","hostPath":{"path":"/x"}}]}}""")]
    public void A_strategic_merge_patch_of_a_pod(string target, string patch, string expected) => Assert.Equal(expected, StrategicMergePatch.Apply(
        JsonNode.Parse(target)!.AsObject(), JsonNode.Parse(patch)!.AsObject(), FieldSchema.Of("core.v1.Pod")).ToJsonString());

    [Fact]
    public void An_element_without_its_merge_key_is_refused() => Assert.Throws<JsonException>(() => StrategicMergePatch.Apply(
        [], JsonNode.Parse("""{"spec":{"containers":[{"image":"x"}]}}""")!.AsObject(), FieldSchema.Of("core.v1.Pod")));
}
