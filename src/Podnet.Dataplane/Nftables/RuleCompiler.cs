using System.Net;
using System.Text;
using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Netlink.Nftables;
using Rule = Podnet.Netlink.Nftables.Rule;
using Verdict = Podnet.Netlink.Nftables.Verdict;

namespace Podnet.Dataplane.Nftables;

/// <summary>Rules of a node's table as the kernel's expressions, in the order in which nft writes them, so that nft can show them.</summary>
internal sealed class RuleCompiler(IPFamily family)
{
    /// <summary>IPS_DST_NAT (linux/netfilter/nf_conntrack_common.h).</summary>
    private const uint DestinationNatStatus = 1 << 5;

    /// <summary>IFNAMSIZ: interface names are padded with NULs to it.</summary>
    private const int InterfaceNameSize = 16;

    private const int Word = 4;

    private readonly ElementCoding _coding = new(family);
    private readonly int _address = family.Bits() / 8;

    internal Rule Compile(string chain, TableRule rule) =>
        new(chain, [.. rule.Statements.SelectMany(Compile)]) { Comment = rule.Comment };

    internal static Chain Compile(TableChain chain) => new(chain.Name)
    {
        Hook = chain.Base is { } hook
            ? new ChainHook(hook.IsNat ? ChainType.Nat : ChainType.Filter, HookOf(hook.Hook), hook.Priority)
            : null,
        Comment = chain.Comment,
    };

    internal IEnumerable<Expression> Compile(Statement statement) => statement switch
    {
        NewConnection => Bit(new Conntrack(ConntrackKey.State), (uint)ConnectionStates.New),
        Translated => Bit(new Conntrack(ConntrackKey.Status), DestinationNatStatus),
        Marked { Mask: var mask } => Bit(new Meta(MetaKey.Mark), mask),
        SourceIn { Network: var network, Inverted: var not } => Source(network, not),
        FromInterface from => [new Meta(MetaKey.InputName), new Compare(from.Inverted ? Comparison.NotEqual : Comparison.Equal, InterfaceName(from))],
        FromNode => [new AddressType(PacketAddress.Source), new Compare(Comparison.Equal, AddressType.Local)],
        InSet { Set: var set, Inverted: var not } => [.. Key(set), new Lookup(ServiceSets.Of(set).Name, not)],
        ByMap { Map: var map } => [.. Key(map), new Lookup(ServiceSets.Of(map).Name) { Destination = Register.Verdict }],
        ToEndpoint { Map: var map, Count: var count } =>
            [.. Key(map, count), new Lookup(ServiceSets.Of(map).Name) { Destination = Register.R1 }, .. Translate(Register.R1)],
        ToSession { Map: var map, Service: var service } =>
        [
            .. service is { } at ? [Load(KeyField.SourceAddress, Register.R1), .. Constants(at, Register.R1.Plus(_address))] : Key(map),
            new Lookup(ServiceSets.Of(map).Name) { Destination = Register.R1 },
            .. Translate(Register.R1),
        ],
        ByOriginal { Map: var map } => [.. Original(map, Register.R1), new Lookup(ServiceSets.Of(map).Name) { Destination = Register.Verdict }],
        Remember remember => Update(remember),
        SetMark { Mask: var mask } => Mark(~mask, mask),
        ToggleMark { Mask: var mask } => Mark(uint.MaxValue, mask),
        MasqueradeFullyRandom => [new Masquerade(PortChoice.FullyRandom)],
        Count => [new Counter()],
        Jump { Chain: var chain } => [new Verdict(VerdictCode.Jump, chain)],
        Goto { Chain: var chain } => [new Verdict(VerdictCode.Goto, chain)],
        Core.Nftables.Drop => [new Verdict(VerdictCode.Drop)],
        Core.Nftables.Reject => [Netlink.Nftables.Reject.PortUnreachable(_coding.Family)],
        _ => throw new ArgumentOutOfRangeException(nameof(statement), statement, "cannot be compiled"),
    };

    private static IEnumerable<Expression> Bit(Expression load, uint bit) =>
        [load, new Bitwise(ByteString.OfHost(bit), ByteString.OfHost(0)), new Compare(Comparison.NotEqual, ByteString.OfHost(0))];

    private static IEnumerable<Expression> Mark(uint mask, uint xor) =>
        [new Meta(MetaKey.Mark), new Bitwise(ByteString.OfHost(mask), ByteString.OfHost(xor)), new MetaSet(MetaKey.Mark)];

    private IEnumerable<Expression> Source(IPNetwork network, bool not)
    {
        yield return Load(KeyField.SourceAddress, Register.R1);
        if (network.PrefixLength < family.Bits())
        {
            var mask = new byte[_address];
            for (var bit = 0; bit < network.PrefixLength; bit++)
                mask[bit / 8] |= (byte)(0x80 >> (bit % 8));
            yield return new Bitwise(new ByteString(mask), new ByteString(new byte[_address]));
        }
        yield return new Compare(not ? Comparison.NotEqual : Comparison.Equal, ByteString.Of(network.BaseAddress));
    }

    private static ByteString InterfaceName(FromInterface from)
    {
        var name = Encoding.UTF8.GetBytes(from.Name);
        if (!from.IsPrefix)
            Array.Resize(ref name, InterfaceNameSize);
        return new ByteString(name);
    }

    /// <summary>Loads the parts of a set's key, one behind the other.</summary>
    private IEnumerable<Expression> Key(ServiceSet set, int count = 0)
    {
        var at = 0;
        foreach (var field in ServiceSets.Of(set).Key)
        {
            yield return Load(field, Register.R1.Plus(at), count);
            at += _coding.Length(field);
        }
    }

    private Expression Load(KeyField field, Register register, int count = 0) => (field, family) switch
    {
        (KeyField.SourceAddress, IPFamily.V4) => Payload.SourceIPv4 with { Destination = register },
        (KeyField.SourceAddress, _) => Payload.SourceIPv6 with { Destination = register },
        (KeyField.DestinationAddress, IPFamily.V4) => Payload.DestinationIPv4 with { Destination = register },
        (KeyField.DestinationAddress, _) => Payload.DestinationIPv6 with { Destination = register },
        (KeyField.Protocol, _) => new Meta(MetaKey.TransportProtocol, register),
        (KeyField.DestinationPort, _) => Payload.DestinationPort with { Destination = register },
        (KeyField.Slot, _) => new RandomNumber((uint)count, register),
        _ => throw new ArgumentOutOfRangeException(nameof(field), field, "is not loaded but looked up"),
    };

    private IEnumerable<Expression> Translate(Register endpoint) =>
        [new DestinationNat(_coding.Family, endpoint, endpoint.Plus(_address))];

    /// <summary>The parts of a key as they were before translation.</summary>
    private IEnumerable<Expression> Original(ServiceSet set, Register first)
    {
        var at = 0;
        foreach (var field in ServiceSets.Of(set).Key)
        {
            yield return (field, family) switch
            {
                (KeyField.DestinationAddress, IPFamily.V4) => new Conntrack(ConntrackKey.DestinationIPv4, first.Plus(at), OfOriginal: true),
                (KeyField.DestinationAddress, _) => new Conntrack(ConntrackKey.DestinationIPv6, first.Plus(at), OfOriginal: true),
                (KeyField.DestinationPort, _) => new Conntrack(ConntrackKey.DestinationPort, first.Plus(at), OfOriginal: true),
                _ => Load(field, first.Plus(at)),
            };
            at += _coding.Length(field);
        }
    }

    /// <summary>A ServicePort's address, part by part as in a packet: nft shows each by its own type.</summary>
    private Expression[] Constants(FrontendAddress at, Register first) =>
    [
        new Constant(ByteString.Of(at.Address!), first),
        new Constant(new ByteString([(byte)at.Protocol]), first.Plus(_address)),
        new Constant(ByteString.OfPort(at.Port), first.Plus(_address + Word)),
    ];

    private IEnumerable<Expression> Update(Remember remember)
    {
        // The key at the start of the registers, the endpoint right behind it: for IPv6 that is 40 + 20 of their 64 bytes.
        var endpoint = Register.R1.Plus((2 * _address) + (2 * Word));
        return
        [
            Load(KeyField.SourceAddress, Register.R1),
            .. remember.Service is { } at ? Constants(at, Register.R1.Plus(_address)) : Original(ServiceSet.SessionServices, Register.R1.Plus(_address)),
            Load(KeyField.DestinationAddress, endpoint),
            Load(KeyField.DestinationPort, endpoint.Plus(_address)),
            new UpdateSet(ServiceSets.Of(remember.Map).Name, Register.R1, endpoint, remember.Timeout),
        ];
    }

    private static Hook HookOf(BaseHook hook) => hook switch
    {
        BaseHook.Prerouting => Hook.Prerouting,
        BaseHook.Input => Hook.Input,
        BaseHook.Forward => Hook.Forward,
        BaseHook.Output => Hook.Output,
        _ => Hook.Postrouting,
    };
}
