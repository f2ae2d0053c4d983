using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Podnet.Bpf;
using Podnet.Core.Routes;
using Podnet.Linux;
using Podnet.Netlink;

namespace Podnet.Dataplane.FastPath;

/// <summary>
/// Keeps the fast path of established TCP connections: a BPF program on each pod's link, on those to other nodes and on the VXLAN device, in the namespace of the
/// thread that made this; to be used on such a thread. What the kernel has of it works without this process, for the links that were there.
/// </summary>
/// <remarks>Programs of an earlier process are replaced, link by link: what they know is found out anew within the first packets.</remarks>
public sealed class FastPathDriver : IDisposable
{
    /// <summary>What filters are called, and the programs in bpftool's list.</summary>
    public const string Name = "podnet_fast";

    /// <summary>Among the filters of a link: arbitrary, the number of our routes' protocol. Whoever wants to see packets before has room.</summary>
    private const ushort Priority = 80;

    private const string EstablishedTimeout = "net.netfilter.nf_conntrack_tcp_timeout_established";

    /// <summary>
    /// Connection tracking does not see what goes past it, so it must not judge the rest by sequence numbers: the end of a connection would
    /// be "invalid", which rules drop (nf_conntrack-sysctl.rst; the second since Linux 5.14).
    /// </summary>
    private static readonly (string Name, string Value)[] Settings =
        [("net.netfilter.nf_conntrack_tcp_be_liberal", "1"), ("net.netfilter.nf_conntrack_tcp_ignore_invalid_rst", "1")];

    private readonly RouteSocket _socket = new();
    private readonly Dictionary<FlowPlace, BpfProgram> _programs = [];
    private readonly Dictionary<int, FlowPlace> _attached = [];
    private FlowMaps? _maps;
    private ConntrackFunctions? _conntrack;
    private (IPAddress? Tunnel, TimeSpan Timeout) _built;

    /// <summary>Makes the kernel's this.</summary>
    /// <param name="readBack">Each link is asked for its filters; else it is enough that it has places for them, as it had.</param>
    /// <exception cref="KernelException">This kernel cannot do it (ENOENT), or refuses.</exception>
    public ApplyReport Apply(FastPathNetwork wanted, bool readBack)
    {
        _conntrack ??= ConntrackFunctions.Read();
        _maps ??= new FlowMaps();
        var report = new ApplyReport([.. Settings.Where(setting => Sysctl.Ensure(setting.Name, setting.Value)).Select(setting => $"sysctl {setting.Name} = {setting.Value}")], []);
        Build(wanted.Tunnel?.Local);
        var queues = _socket.Queues();
        var places = Places(wanted, queues, out var links);
        _maps.SetPeers(wanted.Tunnel);
        _maps.SetLinks(links.ToDictionary(link => link.Key.Index, link => link.Value));
        return report + Attach(places, queues, readBack);
    }

    /// <summary>What went this way, of all links, since this was made.</summary>
    public (ulong Packets, ulong Bytes) Count() => _maps?.Count() ?? default;

    /// <summary>Takes it off all links; the settings stay, since what they were before is not known.</summary>
    public ApplyReport Cleanup()
    {
        var report = ApplyReport.Nothing;
        var names = _socket.Links().ToDictionary(link => link.Index, link => link.Name);
        foreach (var device in _socket.Queues().Where(queue => queue.IsHooks).Select(queue => queue.Device))
        {
            var ours = _socket.Programs(device).FindAll(IsOurs);
            foreach (var program in ours)
                report += Execute(new RouteRequests().DeleteProgram(program), $"delete filter {program.Name} from {names.GetValueOrDefault(device)}");
            // Where nothing was ours the places are somebody else's, also while they are empty.
            if (ours.Count > 0 && !_socket.HasFilters(device))
                report += Execute(new RouteRequests().DeleteHooks(device), $"delete clsact from {names.GetValueOrDefault(device)}");
        }

        _attached.Clear();
        return report;
    }

    public void Dispose()
    {
        foreach (var program in _programs.Values)
            program.Dispose();
        _maps?.Dispose();
        _conntrack?.Dispose();
        _socket.Dispose();
    }

    private static bool IsOurs(AttachedProgram program) => program is { Name: Name, Priority: Priority };

    private static BpfProgram Load(FlowPlace place, FlowMaps maps, ConntrackFunctions conntrack, IPAddress? tunnel, TimeSpan timeout) =>
        BpfProgram.LoadClassifier(Name, new FlowProgram(place, maps, conntrack, tunnel, timeout).Assemble(), conntrack.Module);

    /// <summary>Loads the programs, and anew where what stands in them is another: they go onto all links again then.</summary>
    private void Build(IPAddress? tunnel)
    {
        var timeout = TimeSpan.FromSeconds(int.Parse(Sysctl.Read(EstablishedTimeout), CultureInfo.InvariantCulture));
        if (_programs.Count > 0 && _built == (tunnel, timeout))
            return;
        var loaded = new Dictionary<FlowPlace, BpfProgram>();
        foreach (var place in Enum.GetValues<FlowPlace>())
            loaded[place] = Load(place, _maps!, _conntrack!, tunnel, timeout);
        foreach (var (place, program) in loaded)
        {
            _programs.GetValueOrDefault(place)?.Dispose();
            _programs[place] = program;
        }

        _built = (tunnel, timeout);
        _attached.Clear();
    }

    /// <summary>Which links are to have a program, and how packets may leave by them.</summary>
    private Dictionary<Link, FlowPlace> Places(FastPathNetwork wanted, List<LinkQueue> queues, out Dictionary<Link, FlowAction> links)
    {
        var places = new Dictionary<Link, FlowPlace>();
        links = [];
        var shaped = queues.Where(queue => queue is { IsRoot: true, Kind: not "noqueue" }).Select(queue => queue.Device).ToHashSet();
        var underlay = _socket.Addresses().Where(address => wanted.NodeIPs.Contains(address.Ip)).Select(address => address.Device).ToHashSet();
        foreach (var link in _socket.Links().Where(link => link.IsUp && !link.Flags.HasFlag(LinkFlags.Loopback)))
        {
            if (link is { Kind: "veth", Group: Link.PodGroup })
                (places[link], links[link]) = (FlowPlace.Pod, shaped.Contains(link.Index) ? FlowAction.ToLink : FlowAction.ToPeer);
            else if (underlay.Contains(link.Index))
                (places[link], links[link]) = (FlowPlace.Underlay, FlowAction.ToLink);
            else if (link.Name == VxlanOverlay.DeviceName)
                places[link] = FlowPlace.Overlay;
        }

        return places;
    }

    private ApplyReport Attach(Dictionary<Link, FlowPlace> places, List<LinkQueue> queues, bool readBack)
    {
        var hooks = queues.Where(queue => queue.IsHooks).Select(queue => queue.Device).ToHashSet();
        var report = ApplyReport.Nothing;
        foreach (var (link, place) in places)
        {
            var known = _attached.TryGetValue(link.Index, out var have) && have == place && hooks.Contains(link.Index);
            if (known && (!readBack || _socket.Programs(link.Index).Exists(program => IsOurs(program) && program.ProgramId == _programs[place].Id)))
                continue;
            var requests = new RouteRequests();
            if (!hooks.Contains(link.Index))
                requests.AddHooks(link.Index);
            requests.ReplaceProgram(link.Index, new PacketProgram(_programs[place].Descriptor, Name, Priority));
            var done = Execute(requests, $"tc filter on {link.Name}");
            if (done.Changed)
                _attached[link.Index] = place;
            report += done;
        }

        foreach (var gone in _attached.Keys.Except(places.Keys.Select(link => link.Index)).ToList())
            _attached.Remove(gone);
        return report;
    }

    /// <summary>A link that goes meanwhile is no failure.</summary>
    private ApplyReport Execute(RouteRequests requests, string text)
    {
        var failures = _socket.ExecuteEach(requests).OfType<KernelException>().ToImmutableArray();
        if (failures.IsEmpty)
            return new ApplyReport([text], []);
        return failures.Any(failure => failure.Errno == Errno.NoDevice) ? ApplyReport.Nothing : new ApplyReport([], failures);
    }
}
