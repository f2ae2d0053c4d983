using System.Text;
using System.Text.Json.Nodes;
using Podnet.Local.ApiServer;

namespace Podnet.Local.ApiSchema;

/// <summary>
/// An OpenAPI 2 document as protobuf, the only form in which kubectl before 1.27 takes it (github.com/google/gnostic-models,
/// openapiv2/OpenAPIv2.proto; the field numbers are from there).
/// </summary>
internal static class OpenApiProtobuf
{
    /// <summary>kubectl asks for "…v2@v1.0…", whose @ Go itself cannot read back.</summary>
    public const string MediaType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

    public static byte[] Write(JsonObject document)
    {
        var message = new Message();
        message.Text(1, document.Text("swagger"));
        message.Add(2, new Message().Text(1, document.Text("info", "title")).Text(2, document.Text("info", "version")));
        var paths = new Message();
        foreach (var (path, item) in (JsonObject)document["paths"]!)
            paths.Add(2, new Message().Text(1, path).Add(2, new Message().Add(8, Operation(item.At("patch")!))));
        message.Add(8, paths);
        message.Add(9, Named(1, (JsonObject)document["definitions"]!));
        return message.ToArray();
    }

    private static Message Operation(JsonNode operation)
    {
        var message = new Message().Text(5, operation.Text("operationId"));
        foreach (var parameter in operation.Items("parameters"))
        {
            var query = new Message().Text(2, "query").Text(4, parameter.Text("name")).Text(6, parameter.Text("type"));
            message.Add(8, new Message().Add(1, new Message().Add(2, new Message().Add(3, query))));
        }
        return Extensions(message, 13, operation);
    }

    private static Message Schema(JsonNode schema)
    {
        var message = new Message().Text(1, schema.Text("$ref")).Text(2, schema.Text("format")).Text(4, schema.Text("description"));
        foreach (var required in schema.Texts("required"))
            message.Text(19, required);
        if (schema.At("additionalProperties") is { } values)
            message.Add(21, new Message().Add(1, Schema(values)));
        if (schema.Text("type") is { } type)
            message.Add(22, new Message().Text(1, type));
        if (schema.At("items") is { } items)
            message.Add(23, new Message().Add(1, Schema(items)));
        if (schema.At("properties") is JsonObject properties)
            message.Add(25, Named(1, properties));
        return Extensions(message, 31, schema);
    }

    private static Message Named(int number, JsonObject schemas)
    {
        var message = new Message();
        foreach (var (name, schema) in schemas)
            message.Add(number, new Message().Text(1, name).Add(2, Schema(schema!)));
        return message;
    }

    /// <summary>NamedAny { name = 1, value = 2 { yaml = 2 } }; JSON is YAML.</summary>
    private static Message Extensions(Message message, int number, JsonNode of)
    {
        foreach (var (name, value) in (JsonObject)of)
        {
            if (name.StartsWith("x-", StringComparison.Ordinal))
                message.Add(number, new Message().Text(1, name).Add(2, new Message().Text(2, ObjectJson.ToText(value))));
        }
        return message;
    }

    private sealed class Message
    {
        private readonly MemoryStream _bytes = new();

        public Message Text(int number, string? text)
        {
            if (!string.IsNullOrEmpty(text))
                Bytes(number, Encoding.UTF8.GetBytes(text));
            return this;
        }

        public Message Add(int number, Message inner)
        {
            Bytes(number, inner._bytes.GetBuffer().AsSpan(0, (int)inner._bytes.Length));
            return this;
        }

        public byte[] ToArray() => _bytes.ToArray();

        private void Bytes(int number, ReadOnlySpan<byte> bytes)
        {
            const int lengthDelimited = 2;
            Varint((uint)number << 3 | lengthDelimited);
            Varint((uint)bytes.Length);
            _bytes.Write(bytes);
        }

        private void Varint(uint value)
        {
            for (; value >= 0x80; value >>= 7)
                _bytes.WriteByte((byte)(value | 0x80));
            _bytes.WriteByte((byte)value);
        }
    }
}
