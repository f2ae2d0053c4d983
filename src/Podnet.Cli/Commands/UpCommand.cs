using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using Podnet.Kubernetes.Manifests;
using Podnet.Local;
using Podnet.Local.Config;

namespace Podnet.Cli.Commands;

/// <summary>Makes a local cluster: everything that can be wrong with the input is found before the first thing is made.</summary>
internal static class UpCommand
{
    internal static Command Create()
    {
        var name = new Option<string?>("--name") { Description = "The cluster's name. Without it the config's, else podnet." };
        var config = new Option<FileInfo?>("--config") { Description = "The cluster's config (apiVersion podnet.dev/v1alpha1, kind Cluster)." };
        var files = new Option<string[]>("-f", "--filename") { Description = "Kubernetes objects to create: YAML or JSON, a file or a folder." };
        var nodes = new Option<int?>("--nodes") { Description = "How many nodes, in place of the config's." };
        var mode = new Option<string?>("--proxy-mode") { Description = "How Services become kernel rules: nftables or iptables, in place of the config's." };
        var family = new Option<string?>("--ip-family") { Description = "ipv4, ipv6 or dual, in place of the config's. Without both: ipv4." };
        var command = new Command("up", "Make a local cluster on this machine.") { name, config, files, nodes, mode, family };
        command.SetAction(async (parsed, cancel) =>
        {
            ClusterOption.RequireRoot();
            var spec = SpecOf(parsed.GetValue(config), parsed.GetValue(name), parsed.GetValue(nodes), parsed.GetValue(mode), parsed.GetValue(family));
            var companions = CompanionPrograms.Find();
            if (Programs.FirstMissing() is { } missing)
                throw new UserError(missing);
            var manifests = UserManifests.Read(parsed.GetValue(files) ?? []);
            RequireFreePort(spec.ApiServerPort);
            using var progress = new Progress(Console.Out);
            await new ClusterStart(spec, companions, manifests, progress).RunAsync(cancel);
        });
        return command;
    }

    private static ClusterSpec SpecOf(FileInfo? config, string? name, int? nodes, string? mode, string? family)
    {
        try
        {
            var spec = config is null ? ClusterSpec.Default : ClusterConfigReader.Read(config.FullName);
            if (nodes is < 1)
                throw new UserError($"--nodes {nodes}: a cluster has at least one node", exitCode: 2);
            spec = spec with
            {
                Name = name ?? spec.Name,
                ProxyMode = mode ?? spec.ProxyMode,
                Nodes = nodes is { } count ? [.. Enumerable.Range(1, count).Select(i => new NodeSpec($"node-{i}"))] : spec.Nodes,
            };
            if (family is not null)
                spec = spec.With(ClusterFamilies.Parse(family) ?? throw new UserError($"--ip-family: \"{family}\" is unknown: use ipv4, ipv6 or dual", exitCode: 2));
            return ClusterSpecRules.FirstFault(spec) is { } fault
                ? throw new UserError($"{fault.Field}: {fault.Fault}", exitCode: 2)
                : spec;
        }
        catch (ManifestException e)
        {
            throw new UserError(e.Message, exitCode: 2);
        }
    }

    private static void RequireFreePort(ushort port)
    {
        if (port == 0)
            return;
        try
        {
            using var probe = new TcpListener(IPAddress.Loopback, port);
            probe.Start();
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new UserError($"networking.apiServerPort: 127.0.0.1:{port} is taken by another program: use another port, or 0 for any free one");
        }
    }
}
