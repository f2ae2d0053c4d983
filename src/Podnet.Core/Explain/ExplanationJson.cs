using System.Text.Json;
using System.Text.Json.Serialization;

namespace Podnet.Core.Explain;

[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ServiceExplanation))]
public sealed partial class ExplanationJson : JsonSerializerContext
{
    public static string Print(ServiceExplanation explanation) =>
        JsonSerializer.Serialize(explanation, Default.ServiceExplanation);
}
