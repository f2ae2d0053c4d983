using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using Podnet.Local.ApiServer;

namespace Podnet.Local.ApiSchema;

/// <summary>
/// Objects as kubectl's commands that make them (create deployment, expose, drain …) send them since 1.32: Kubernetes' protobuf
/// (kubernetes.io/docs/reference/using-api/api-concepts, "Kubernetes Protobuf encoding"), read into the JSON that they stand for.
/// </summary>
/// <remarks>
/// <code>
/// "k8s\0"  then  Unknown { TypeMeta typeMeta = 1 { apiVersion = 1, kind = 2 }, bytes raw = 2, … }
/// </code>
/// </remarks>
internal ref struct ProtobufReader
{
    private ReadOnlySpan<byte> _rest;

    private ProtobufReader(ReadOnlySpan<byte> message) => _rest = message;

    /// <summary>Of a field (protobuf.dev/programming-guides/proto3, "Assigning Field Numbers").</summary>
    private const ulong LargestNumber = (1 << 29) - 1;

    public static ReadOnlySpan<byte> Magic => "k8s\0"u8;

    /// <summary>
    /// A zero of these is something that somebody said. Of all other fields a zero is what Go writes where nothing was said, and is
    /// left out, as Kubernetes' JSON does.
    /// </summary>
    private static readonly HashSet<string> ZeroCounts = new(StringComparer.Ordinal)
    {
        "replicas", "terminationGracePeriodSeconds", "revisionHistoryLimit", "progressDeadlineSeconds", "parallelism", "completions",
        "backoffLimit", "partition", "automountServiceAccountToken", "enableServiceLinks", "allowPrivilegeEscalation", "runAsNonRoot",
        "runAsUser", "runAsGroup", "fsGroup", "activeDeadlineSeconds", "ttlSecondsAfterFinished", "gracePeriodSeconds",
        "orphanDependents", "allocateLoadBalancerNodePorts", "hostUsers", "suspend", "tolerationSeconds", "defaultMode", "mode",
        "readOnlyRootFilesystem", "weight", "ready", "serving", "terminating", "expirationSeconds", "leaseTransitions",
    };

    /// <param name="type">What the object must be.</param>
    /// <exception cref="JsonException">It is not well-formed.</exception>
    public static JsonObject Read(ReadOnlySpan<byte> body, FieldSchema type, int maxDepth)
    {
        if (!body.StartsWith(Magic))
            throw new JsonException("the body does not begin with the four bytes of Kubernetes' protobuf");
        var (o, version, kind) = (new JsonObject(), "", "");
        var envelope = new ProtobufReader(body[Magic.Length..]);
        while (envelope.Next(out var number, out _, out var value))
        {
            if (number == 1)
            {
                var meta = new ProtobufReader(value);
                while (meta.Next(out var n, out _, out var text))
                    (version, kind) = n == 1 ? (Text(text), kind) : n == 2 ? (version, Text(text)) : (version, kind);
            }
            else if (number == 2)
                ReadObject(value, type, o, maxDepth);
        }
        if (version.Length > 0)
            o["apiVersion"] = version;
        if (kind.Length > 0)
            o["kind"] = kind;
        return o;
    }

    private static void ReadObject(ReadOnlySpan<byte> message, FieldSchema type, JsonObject into, int depth)
    {
        if (depth == 0)
            throw new JsonException("the object is nested too deeply");
        var reader = new ProtobufReader(message);
        while (reader.Next(out var number, out var scalar, out var bytes))
        {
            var field = type.WireFields.FirstOrDefault(f => f.Number == number && number > 0);
            if (field is null)
                continue; // of a newer client; JSON's unknown fields are reported, these have no name
            if (field.Name.Length == 0)
                ReadObject(bytes, field.Schema, into, depth - 1);
            else if (field.Schema.Shape == FieldShape.Map)
                ReadEntry(bytes, field.Schema, into.Child(field.Name), depth - 1);
            else if (field.Schema.Shape == FieldShape.List)
                List(into, field.Name).Add(Value(scalar, bytes, field.Schema.Element!, depth - 1) ?? "");
            else if (Value(scalar, bytes, field.Schema, depth - 1) is { } value && !IsUnsaid(field, value))
                into[field.Name] = value;
        }
    }

    private static JsonArray List(JsonObject parent, string name)
    {
        if (parent[name] is not JsonArray list)
            parent[name] = list = [];
        return list;
    }

    /// <summary>An entry of a map is a message { key = 1, value = 2 }.</summary>
    private static void ReadEntry(ReadOnlySpan<byte> message, FieldSchema map, JsonObject into, int depth)
    {
        var (key, value) = ("", (JsonNode?)null);
        var reader = new ProtobufReader(message);
        while (reader.Next(out var number, out var scalar, out var bytes))
        {
            if (number == 1)
                key = Text(bytes);
            else if (number == 2)
                value = Value(scalar, bytes, map.Element!, depth);
        }
        into[key] = value ?? (map.Element!.Shape == FieldShape.Text ? "" : new JsonObject());
    }

    private static bool IsUnsaid(FieldDefinition field, JsonNode value) => field.Schema.Shape switch
    {
        FieldShape.Text => value.GetValue<string>().Length == 0,
        FieldShape.Integer => value.GetValue<long>() == 0 && !ZeroCounts.Contains(field.Name),
        FieldShape.Flag => !value.GetValue<bool>() && !ZeroCounts.Contains(field.Name),
        _ => false,
    };

    /// <returns>Null for a time that is not set.</returns>
    private static JsonNode? Value(ulong scalar, ReadOnlySpan<byte> bytes, FieldSchema type, int depth)
    {
        switch (type.Type)
        {
            case "string":
                return Text(bytes);
            case "bytes":
                return Convert.ToBase64String(bytes);
            case "bool":
                return scalar != 0;
            case "int32" or "int64":
                return (long)scalar;
            case "double":
                return BitConverter.UInt64BitsToDouble(scalar);
            case "Time" or "MicroTime":
                return Time(bytes, type.Type == "MicroTime");
            case "Duration":
                return $"{(double)(long)Numbers(bytes)[1] / 1e9}s";
            case "Quantity":
                return Texts(bytes, 1);
            case "IntOrString":
                return Numbers(bytes)[1] == 0 ? (long)(int)Numbers(bytes)[2] : Texts(bytes, 3);
            case "Raw" or "Fields":
                return Texts(bytes, 1) is { Length: > 0 } json ? Raw(json, depth) : null;
            case "[]string": // as the value of a map, where it is a message of its own
                return AllTexts(bytes);
        }
        var o = new JsonObject();
        ReadObject(bytes, type, o, depth);
        return o;
    }

    private static JsonNode? Raw(string json, int depth)
    {
        var utf8 = System.Text.Encoding.UTF8.GetBytes(json);
        RequestBody.CheckText(utf8);
        var node = ObjectJson.ParseAny(utf8);
        return ObjectJson.Depth(node) <= depth ? node : throw new JsonException("the object is nested too deeply");
    }

    /// <summary>{ seconds = 1, nanos = 2 } since 1970; Kubernetes writes the zero time as an empty message.</summary>
    private static JsonNode? Time(ReadOnlySpan<byte> message, bool micro)
    {
        var numbers = Numbers(message);
        if (message.IsEmpty || (long)numbers[1] is < -62_135_596_800 or > 253_402_300_799)
            return null;
        var time = DateTimeOffset.FromUnixTimeSeconds((long)numbers[1]).AddMicroseconds((long)numbers[2] / 1000);
        return time.UtcDateTime.ToString(micro ? "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'" : "yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
    }

    /// <summary>The numbers of the fields 1 and 2.</summary>
    private static ulong[] Numbers(ReadOnlySpan<byte> message)
    {
        var numbers = new ulong[3];
        var reader = new ProtobufReader(message);
        while (reader.Next(out var number, out var scalar, out _))
        {
            if (number < numbers.Length)
                numbers[number] = scalar;
        }
        return numbers;
    }

    private static string Texts(ReadOnlySpan<byte> message, int wanted)
    {
        var reader = new ProtobufReader(message);
        while (reader.Next(out var number, out _, out var bytes))
        {
            if (number == wanted)
                return Text(bytes);
        }
        return "";
    }

    private static JsonArray AllTexts(ReadOnlySpan<byte> message)
    {
        var texts = new JsonArray();
        var reader = new ProtobufReader(message);
        while (reader.Next(out _, out _, out var bytes))
            texts.Add((JsonNode)Text(bytes));
        return texts;
    }

    private static string Text(ReadOnlySpan<byte> utf8) =>
        Utf8.IsValid(utf8) ? System.Text.Encoding.UTF8.GetString(utf8) : throw new JsonException("a text in it is not valid UTF-8");

    /// <summary>protobuf.dev/programming-guides/encoding: a tag (number and wire type), then the value.</summary>
    private bool Next(out int number, out ulong scalar, out ReadOnlySpan<byte> bytes)
    {
        (number, scalar) = (0, 0);
        bytes = default;
        if (_rest.IsEmpty)
            return false;
        var tag = Varint();
        if (tag >> 3 is 0 or > LargestNumber)
            throw new JsonException($"protobuf has no field number {tag >> 3}");
        number = (int)(tag >> 3);
        switch (tag & 7)
        {
            case 0:
                scalar = Varint();
                break;
            case 1:
                scalar = BinaryPrimitives.ReadUInt64LittleEndian(Take(8));
                break;
            case 2:
                bytes = Take(Varint());
                break;
            case 5:
                scalar = BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
                break;
            default:
                throw new JsonException($"protobuf wire type {tag & 7} of field {number} is not known");
        }
        return true;
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Take(1)[0];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
                return value;
        }
        throw new JsonException("a number in it is longer than 64 bits");
    }

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)_rest.Length)
            throw new JsonException("it ends in the middle of a field");
        var taken = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return taken;
    }
}
