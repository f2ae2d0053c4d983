using Podnet.Linux;
using static Podnet.Netlink.RouteWire;

namespace Podnet.Netlink;

/// <content>Changes to links.</content>
public sealed partial class RouteRequests
{
    /// <summary>
    /// Makes both ends of a pair with everything that is known of them, but for an alias, which the kernel does not take while it makes a
    /// link. Errors: EEXIST where either name is taken; then nothing is made.
    /// </summary>
    public RouteRequests CreateVeth(VethPair pair)
    {
        // The new link comes back with it (Linux 6.2, before which nothing comes).
        var writer = Batch.Begin(NewLink, New | NetlinkFlags.Echo);
        PutVethEnd(ref writer, pair.Up ? LinkFlags.Up : LinkFlags.None, pair.Name, pair.Address, pair.Mtu);
        if (pair.Group != 0)
            writer.PutU32(LinkAttribute.Group, pair.Group);
        var info = writer.BeginPlainNested(LinkAttribute.Info);
        writer.Put(LinkAttribute.InfoKind, "veth"u8);
        var data = writer.BeginPlainNested(LinkAttribute.InfoData);
        var peer = writer.BeginPlainNested(LinkAttribute.VethPeer);
        PutVethEnd(ref writer, LinkFlags.None, pair.PeerName, pair.PeerAddress, pair.Mtu);
        if (pair.PeerNamespace is { } peerNamespace)
            writer.PutU32(LinkAttribute.NamespaceDescriptor, (uint)peerNamespace.Descriptor);
        writer.EndNested(peer);
        writer.EndNested(data);
        writer.EndNested(info);
        Batch.End(writer, $"create veth pair {pair.Name} and {pair.PeerName}");
        return this;
    }

    /// <summary>Makes a bridge without spanning tree, so a port forwards as soon as it is up. Errors: EEXIST.</summary>
    /// <param name="address">Its own: a bridge that is given none has the least of its ports', and so another with each port that comes or goes.</param>
    public RouteRequests CreateBridge(string name, MacAddress address, bool up)
    {
        var writer = Batch.Begin(NewLink, New);
        PutEnd(ref writer, up ? LinkFlags.Up : LinkFlags.None, name, address, null);
        var info = writer.BeginPlainNested(LinkAttribute.Info);
        writer.Put(LinkAttribute.InfoKind, "bridge"u8);
        writer.EndNested(info);
        Batch.End(writer, $"create bridge {name}");
        return this;
    }

    public RouteRequests SetUp(int index) => SetFlags(index, LinkFlags.Up, "up");

    /// <summary>Takes its routes with it.</summary>
    public RouteRequests SetDown(int index) => SetFlags(index, LinkFlags.None, "down");

    /// <param name="master">The index of a bridge; 0 takes the link off its bridge.</param>
    public RouteRequests SetMaster(int index, int master) =>
        SetNumber(index, LinkAttribute.Master, (uint)master, $"set master of interface {index} to {master}");

    /// <param name="mtu">In bytes.</param>
    public RouteRequests SetMtu(int index, int mtu) =>
        SetNumber(index, LinkAttribute.Mtu, (uint)mtu, $"set MTU of interface {index} to {mtu}");

    /// <summary>Moves it; its addresses and routes are gone then, and its index may be another there.</summary>
    public RouteRequests MoveTo(int index, NetworkNamespace target) =>
        SetNumber(index, LinkAttribute.NamespaceDescriptor, (uint)target.Descriptor, $"move interface {index} to {target.Path}");

    /// <param name="alias">At most 255 bytes (IFALIASZ).</param>
    public RouteRequests SetAlias(int index, string alias)
    {
        var writer = BeginSet(new LinkHeader { Index = index });
        writer.PutText(LinkAttribute.Alias, alias);
        Batch.End(writer, $"set alias of interface {index}");
        return this;
    }

    /// <summary>The link must be down for some kinds, and the name free. Errors: EEXIST, EBUSY.</summary>
    public RouteRequests Rename(int index, string name)
    {
        var writer = BeginSet(new LinkHeader { Index = index });
        writer.PutText(LinkAttribute.Name, name);
        Batch.End(writer, $"rename interface {index} to {name}");
        return this;
    }

    /// <summary>Of a veth pair, both ends go. Errors: ENODEV.</summary>
    public RouteRequests DeleteLink(int index)
    {
        var writer = Batch.Begin(RouteWire.DeleteLink, NetlinkFlags.Ack);
        writer.PutFixed(new LinkHeader { Index = index });
        Batch.End(writer, $"delete interface {index}");
        return this;
    }

    /// <summary>As <see cref="DeleteLink(int)"/>, without asking for its index first.</summary>
    public RouteRequests DeleteLink(string name)
    {
        var writer = Batch.Begin(RouteWire.DeleteLink, NetlinkFlags.Ack);
        writer.PutFixed(new LinkHeader());
        writer.PutText(LinkAttribute.Name, name);
        Batch.End(writer, $"delete interface {name}");
        return this;
    }

    private RouteRequests SetFlags(int index, LinkFlags flags, string word)
    {
        var writer = BeginSet(new LinkHeader { Index = index, Flags = (uint)flags, Change = (uint)LinkFlags.Up });
        Batch.End(writer, $"set interface {index} {word}");
        return this;
    }

    private RouteRequests SetNumber(int index, int attribute, uint value, string operation)
    {
        var writer = BeginSet(new LinkHeader { Index = index });
        writer.PutU32(attribute, value);
        Batch.End(writer, operation);
        return this;
    }

    private NetlinkWriter BeginSet(LinkHeader header)
    {
        var writer = Batch.Begin(SetLink, NetlinkFlags.Ack);
        writer.PutFixed(header);
        return writer;
    }

    /// <summary>What a new link and the peer in a new veth pair have in common: a header and the first attributes.</summary>
    /// <remarks>
    /// A veth uses one queue unless it is told otherwise, but the kernel makes as many as there are processors, takes the others away again, and waits
    /// for a grace period of RCU after that, at both ends (drivers/net/veth.c, veth_init_queues). Told one, it makes one.
    /// </remarks>
    private static void PutVethEnd(ref NetlinkWriter writer, LinkFlags flags, string name, MacAddress? address, int? mtu)
    {
        PutEnd(ref writer, flags, name, address, mtu);
        writer.PutU32(LinkAttribute.TransmitQueues, 1);
        writer.PutU32(LinkAttribute.ReceiveQueues, 1);
    }

    private static void PutEnd(ref NetlinkWriter writer, LinkFlags flags, string name, MacAddress? address, int? mtu)
    {
        writer.PutFixed(new LinkHeader { Flags = (uint)flags, Change = (uint)flags });
        if (address is { } mac)
            writer.PutMac(LinkAttribute.Address, mac);
        if (mtu is { } bytes)
            writer.PutU32(LinkAttribute.Mtu, (uint)bytes);
        writer.PutText(LinkAttribute.Name, name);
    }
}
