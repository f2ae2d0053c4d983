using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using Podnet.Linux;
using Podnet.Local.Config;

namespace Podnet.Local;

/// <summary>
/// That a local cluster exists and what it made or may have made. Written before the first thing is made and before every
/// further node, so that <c>podnet down</c> finds all of it also when everything was killed half-way. It outlives a reboot.
/// </summary>
public sealed record ClusterRecord
{
    /// <summary>What was asked for; nodes that came or went later are in the API server alone.</summary>
    public required ClusterSpec Spec { get; init; }

    /// <summary>Every namespace under /run/netns that is this cluster's.</summary>
    public required IReadOnlyList<string> Namespaces { get; init; }

    /// <summary>Folders for namespaces that were not there before, the outermost first, to be taken away again once they are empty.</summary>
    public required IReadOnlyList<string> MadeFolders { get; init; }

    /// <summary>Its API server has answered and has its nodes: what is in its database is the cluster.</summary>
    public bool CameUp { get; init; }

    /// <summary>Claims the name. False if a cluster of that name exists: nothing is changed then.</summary>
    public static bool TryCreate(ClusterPaths paths, ClusterSpec spec)
    {
        var made = Missing(NetworkNamespace.Directory);
        Directory.CreateDirectory(paths.Lib);
        var record = new ClusterRecord
        {
            Spec = spec,
            MadeFolders = made,
            Namespaces = [paths.FabricNamespace, paths.OutsideNamespace, .. spec.Nodes.Select(n => paths.NodeNamespace(n.Name))],
        };
        try
        {
            using var file = new FileStream(paths.Record, FileMode.CreateNew, FileAccess.Write);
            JsonSerializer.Serialize(file, record, ClusterRecordJson.Default.ClusterRecord);
            file.Flush(flushToDisk: true);
            FileHandle.SyncDirectory(paths.Lib);
            return true;
        }
        catch (IOException) when (File.Exists(paths.Record))
        {
            return false;
        }
    }

    /// <summary>Null where there is no such cluster.</summary>
    public static ClusterRecord? Load(ClusterPaths paths)
    {
        if (!File.Exists(paths.Record))
            return null;
        using var file = File.OpenRead(paths.Record);
        if (file.Length == 0) // the claim was made and its content lost: nothing else can exist yet
            return new ClusterRecord { Spec = ClusterSpec.Default, Namespaces = [], MadeFolders = [] };
        return JsonSerializer.Deserialize(file, ClusterRecordJson.Default.ClusterRecord)
            ?? throw new InvalidDataException($"{paths.Record} is empty");
    }

    /// <summary>Notes one more namespace, before it is made.</summary>
    public static void AddNamespace(ClusterPaths paths, string @namespace)
    {
        var record = Load(paths) ?? throw new InvalidOperationException($"{paths.Record} is gone");
        if (!record.Namespaces.Contains(@namespace))
            (record with { Namespaces = [.. record.Namespaces, @namespace] }).Save(paths);
    }

    public static void NoteCameUp(ClusterPaths paths)
    {
        var record = Load(paths) ?? throw new InvalidOperationException($"{paths.Record} is gone");
        if (!record.CameUp)
            (record with { CameUp = true }).Save(paths);
    }

    private void Save(ClusterPaths paths)
    {
        var temporary = paths.Record + ".new";
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write))
        {
            JsonSerializer.Serialize(file, this, ClusterRecordJson.Default.ClusterRecord);
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, paths.Record, overwrite: true);
        FileHandle.SyncDirectory(paths.Lib);
    }

    private static List<string> Missing(string folder)
    {
        var missing = new List<string>();
        for (var f = folder; f is not null && !Directory.Exists(f); f = Path.GetDirectoryName(f))
            missing.Insert(0, f);
        return missing;
    }
}

/// <summary>An IP network as the text of a CIDR.</summary>
internal sealed class CidrConverter : JsonConverter<IPNetwork>
{
    public override IPNetwork Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        IPNetwork.Parse(reader.GetString() ?? throw new JsonException("a CIDR is missing"));

    public override void Write(Utf8JsonWriter writer, IPNetwork value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}

[JsonSourceGenerationOptions(
    WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(CidrConverter)])]
[JsonSerializable(typeof(ClusterRecord))]
internal sealed partial class ClusterRecordJson : JsonSerializerContext;
