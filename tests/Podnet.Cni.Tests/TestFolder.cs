using System.Text.Json.Nodes;

namespace Podnet.Cni.Tests;

/// <summary>A folder of reservations for one test, and configurations that use it.</summary>
internal sealed class TestFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("podnet-cni-test-").FullName;

    /// <summary>The names of the addresses that are taken.</summary>
    public string[] Addresses => Directory.Exists($"{Path}/podnet")
        ? Directory.GetFiles($"{Path}/podnet").Select(file => System.IO.Path.GetFileName(file)!)
            .Where(name => name != "lock" && !name.StartsWith("last_reserved_ip", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToArray()
        : [];

    /// <param name="sets">Of each range set, its subnets with blanks between.</param>
    public string Config(params string[] sets) => Json("1.1.0", sets).ToJsonString();

    public JsonObject Json(string version, params string[] sets) => new()
    {
        ["cniVersion"] = version,
        ["name"] = "podnet",
        ["type"] = "podnet-cni",
        ["ipam"] = new JsonObject
        {
            ["dataDir"] = Path,
            ["ranges"] = new JsonArray(sets.Select(set =>
                new JsonArray(set.Split(' ').Select(subnet => new JsonObject { ["subnet"] = subnet }).ToArray<JsonNode>())).ToArray<JsonNode>()),
        },
    };

    public string Requesting(string address, params string[] sets)
    {
        var json = Json("1.1.0", sets);
        json["runtimeConfig"] = new JsonObject { ["ips"] = new JsonArray(address) };
        return json.ToJsonString();
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
