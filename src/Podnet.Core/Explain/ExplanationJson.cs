using System.Text.Json;
using System.Text.Json.Serialization;

namespace Podnet.Core.Explain;

[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ServiceExplanation))]
[JsonSerializable(typeof(TableExplanation))]
public sealed partial class ExplanationJson : JsonSerializerContext
{
    public static string Print(ServiceExplanation explanation) =>
        JsonSerializer.Serialize(explanation, Default.ServiceExplanation);

    public static string Print(TableExplanation explanation) =>
        JsonSerializer.Serialize(explanation, Default.TableExplanation);
}
