using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Podnet.Local.Config;

/// <summary>A config file that cannot be used: file, line, field and what to do, in one line.</summary>
public sealed class ClusterConfigException(string message) : Exception(message);

/// <summary>
/// Reads a cluster's config file (docs/cluster-config.md): apiVersion podnet.dev/v1alpha1, kind Cluster, in the shape of kind's
/// config where both have the same thing.
/// </summary>
public static class ClusterConfigReader
{
    private const int LargestFile = 1 << 20; // arbitrary: far above a thousand nodes

    public static ClusterSpec Read(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists)
            throw new ClusterConfigException($"{path}: there is no such file");
        return file.Length > LargestFile
            ? throw new ClusterConfigException($"{path}: larger than {LargestFile} bytes, which no cluster config is")
            : Parse(File.ReadAllText(path), path);
    }

    public static ClusterSpec Parse(string yaml, string path)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(yaml));
        }
        catch (YamlException e)
        {
            throw new ClusterConfigException($"{path}:{e.Start.Line}: not YAML: {e.InnerException?.Message ?? e.Message}");
        }

        if (stream.Documents.Count != 1)
            throw new ClusterConfigException($"{path}: holds {stream.Documents.Count} documents; a cluster config is one");
        var reader = new Reader(path, new Dictionary<string, Mark>(StringComparer.Ordinal));
        var spec = reader.Cluster(stream.Documents[0].RootNode);
        if (ClusterSpecRules.FirstFault(spec) is not { } fault)
            return spec;
        var line = reader.Lines.TryGetValue(fault.Field, out var mark) ? $":{mark.Line}" : "";
        throw new ClusterConfigException($"{path}{line}: {fault.Field}: {fault.Fault}");
    }

    /// <param name="Lines">Where each field stands, for faults that only the whole spec shows.</param>
    private sealed record Reader(string Path, Dictionary<string, Mark> Lines)
    {
        internal ClusterSpec Cluster(YamlNode root)
        {
            var spec = ClusterSpec.Default;
            string? apiVersion = null, kind = null;
            foreach (var (field, name, value) in Fields(root, ""))
            {
                switch (name)
                {
                    case "apiVersion":
                        apiVersion = Text(field, value);
                        Require(apiVersion == "podnet.dev/v1alpha1", field, value, $"\"{apiVersion}\" is unknown: use podnet.dev/v1alpha1");
                        break;
                    case "kind":
                        kind = Text(field, value);
                        Require(kind == "Cluster", field, value, $"\"{kind}\" is unknown: use Cluster");
                        break;
                    case "name":
                        spec = spec with { Name = Text(field, value) };
                        break;
                    case "networking":
                        spec = Networking(spec, field, value);
                        break;
                    case "nodes":
                        spec = spec with { Nodes = [.. Items(field, value).Select(i => Node(i.Field, i.Value))] };
                        break;
                    default:
                        throw Unknown(field, value, "apiVersion, kind, name, networking, nodes");
                }
            }

            Require(apiVersion is not null, "apiVersion", root, "is missing: podnet.dev/v1alpha1");
            Require(kind is not null, "kind", root, "is missing: Cluster");
            return spec;
        }

        private ClusterSpec Networking(ClusterSpec spec, string path, YamlNode node)
        {
            foreach (var (field, name, value) in Fields(node, path))
            {
                spec = name switch
                {
                    "podSubnet" => spec with { PodCidr = Cidr(field, value) },
                    "serviceSubnet" => spec with { ServiceCidr = Cidr(field, value) },
                    "nodeSubnet" => spec with { NodeCidr = Cidr(field, value) },
                    "apiServerPort" => spec with { ApiServerPort = Port(field, value) },
                    "kubeProxyMode" => spec with { ProxyMode = Text(field, value) },
                    _ => throw Unknown(field, value, "podSubnet, serviceSubnet, nodeSubnet, apiServerPort, kubeProxyMode"),
                };
            }

            return spec;
        }

        private NodeSpec Node(string path, YamlNode node)
        {
            var spec = new NodeSpec("");
            foreach (var (field, name, value) in Fields(node, path))
            {
                spec = name switch
                {
                    "name" => spec with { Name = Text(field, value) },
                    "podCIDR" => spec with { PodCidr = Cidr(field, value) },
                    "labels" => spec with { Labels = Fields(value, field).ToImmutableDictionary(f => f.Name, f => Text(f.Field, f.Value)) },
                    _ => throw Unknown(field, value, "name, podCIDR, labels"),
                };
            }

            Require(spec.Name != "", $"{path}.name", node, "is missing");
            return spec;
        }

        private IEnumerable<(string Field, string Name, YamlNode Value)> Fields(YamlNode node, string path)
        {
            Require(node is YamlMappingNode, path == "" ? "the config" : path, node, "must be a map of fields");
            foreach (var (key, value) in ((YamlMappingNode)node).Children)
            {
                var name = ((key as YamlScalarNode)?.Value) ?? "";
                var field = path == "" ? name : $"{path}.{name}";
                Lines[field] = key.Start;
                yield return (field, name, value);
            }
        }

        private IEnumerable<(string Field, YamlNode Value)> Items(string path, YamlNode node)
        {
            Require(node is YamlSequenceNode, path, node, "must be a list");
            return ((YamlSequenceNode)node).Children.Select((child, i) => ($"{path}[{i}]", child));
        }

        private string Text(string field, YamlNode value)
        {
            Require(value is YamlScalarNode { Value.Length: > 0 }, field, value, "must be a text");
            return ((YamlScalarNode)value).Value!;
        }

        private IPNetwork Cidr(string field, YamlNode value)
        {
            var text = Text(field, value);
            Require(IPNetwork.TryParse(text, out var cidr), field, value, $"\"{text}\" is no CIDR: write the first address and the prefix length, as 10.0.0.0/16");
            return cidr;
        }

        private ushort Port(string field, YamlNode value)
        {
            var text = Text(field, value);
            Require(
                ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port), field, value, $"\"{text}\" is no port: 1 to 65535, or 0 for any free one");
            return port;
        }

        private ClusterConfigException Unknown(string field, YamlNode value, string known) =>
            At(field, value, $"is no field of a cluster config; here there can be {known}");

        private void Require(bool condition, string field, YamlNode node, string fault)
        {
            if (!condition)
                throw At(field, node, fault);
        }

        private ClusterConfigException At(string field, YamlNode node, string fault) =>
            new($"{Path}:{(Lines.TryGetValue(field, out var mark) ? mark.Line : node.Start.Line)}: {field}: {fault}");
    }
}
