using System.Buffers.Binary;
using System.Net;
using System.Numerics;
using System.Text;
using Podnet.Core.Explain;
using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Netlink.Nftables;
using Rule = Podnet.Netlink.Nftables.Rule;
using Verdict = Podnet.Netlink.Nftables.Verdict;

namespace Podnet.Dataplane.Nftables;

/// <summary>
/// The kernel's expressions as the rules that they were compiled from. It guesses a statement from what the expressions mention, and takes it
/// if the compiler makes the very same of it: so it reads all that Podnet writes, and nothing wrongly.
/// </summary>
internal sealed class RuleReader(IPFamily family)
{
    private readonly RuleCompiler _compiler = new(family);

    internal LiveRule Read(Rule rule)
    {
        var packets = rule.Expressions.OfType<Counter>().FirstOrDefault()?.Packets;
        if (Statements(rule.Expressions) is not { } statements)
            return new LiveRule(null, $"(not a rule of Podnet's: {string.Join(", ", rule.Expressions.Select(one => one.GetType().Name))})", packets);
        var read = new TableRule([.. statements]) { Comment = rule.Comment };
        return new LiveRule(read, NftText.Rule(family, read), packets);
    }

    /// <summary>Null where there is one that Podnet does not write.</summary>
    private List<Statement>? Statements(IReadOnlyList<Expression> expressions)
    {
        var found = new List<Statement>();
        for (var at = 0; at < expressions.Count;)
        {
            var rest = expressions.Skip(at).ToList();
            var (statement, length) = Guesses(rest)
                .Select(guess => (guess, made: _compiler.Compile(guess).ToList()))
                .Where(one => rest.Take(one.made.Count).SequenceEqual(one.made))
                .Select(one => (one.guess, one.made.Count))
                .FirstOrDefault();
            if (statement is null)
                return null;
            found.Add(statement);
            at += length;
        }

        return found;
    }

    private static IEnumerable<Statement> Guesses(List<Expression> rest)
    {
        Statement[] plain = [new NewConnection(), new Translated(), new FromNode(), new MasqueradeFullyRandom(), new Count(), new Core.Nftables.Drop(), new Core.Nftables.Reject()];
        IEnumerable<Statement>[] others = [plain, Marks(rest), Lookups(rest), Sources(rest)];
        foreach (var guess in others.SelectMany(one => one))
            yield return guess;
        if (rest[0] is Verdict { Chain: { } chain })
        {
            yield return new Jump(chain);
            yield return new Goto(chain);
        }

        if (rest.OfType<UpdateSet>().FirstOrDefault() is { Timeout: { } timeout } update && ServiceSets.All.FirstOrDefault(set => set.Name == update.Set) is { Dynamic: true } map)
            yield return new Remember(map.Id, ServiceIn(rest), timeout);
    }

    private static IEnumerable<Statement> Marks(List<Expression> rest)
    {
        if (rest.ElementAtOrDefault(1) is not Bitwise { Mask: { Length: sizeof(uint) } mask, Xor: { Length: sizeof(uint) } xor })
            yield break;
        yield return new Marked(BitConverter.ToUInt32(mask.Span));
        yield return new SetMark(BitConverter.ToUInt32(xor.Span));
        yield return new ToggleMark(BitConverter.ToUInt32(xor.Span));
    }

    private static IEnumerable<Statement> Lookups(List<Expression> rest)
    {
        if (rest.OfType<Lookup>().FirstOrDefault() is not { } lookup || ServiceSets.All.FirstOrDefault(set => set.Name == lookup.Set) is not { } set)
            yield break;
        yield return new InSet(set.Id, lookup.Inverted);
        yield return new ByMap(set.Id);
        if (set.Id is ServiceSet.SessionServices or ServiceSet.SessionNodePorts)
            yield return new ByOriginal(set.Id);
        if (set.Dynamic)
            yield return new ToSession(set.Id, ServiceIn(rest));
        if (rest.OfType<RandomNumber>().FirstOrDefault() is { } random)
            yield return new ToEndpoint(set.Id, (int)random.Modulus);
    }

    /// <summary>The address that a key begins with, behind the client's; null where it is not a constant.</summary>
    private static FrontendAddress? ServiceIn(List<Expression> rest) =>
        rest is [Payload, Constant { Value: { Length: 4 or 16 } address }, Constant { Value: { Length: 1 } protocol }, Constant { Value: { Length: 2 } port }, ..]
            ? new FrontendAddress(new IPAddress(address.Span), (Protocol)protocol.Span[0], BinaryPrimitives.ReadUInt16BigEndian(port.Span))
            : null;

    private static IEnumerable<Statement> Sources(List<Expression> rest)
    {
        if (rest is [Meta { Key: MetaKey.InputName }, Compare name, ..])
        {
            var text = Encoding.UTF8.GetString(name.Value.Span);
            yield return new FromInterface(text.TrimEnd('\0'), IsPrefix: !text.EndsWith('\0'), name.Comparison == Comparison.NotEqual);
        }

        if (rest is [Payload, Compare { Value.Length: 4 or 16 } one, ..])
            yield return new SourceIn(new IPNetwork(new IPAddress(one.Value.Span), 8 * one.Value.Length), one.Comparison == Comparison.NotEqual);
        if (rest is [Payload, Bitwise mask, Compare { Value.Length: 4 or 16 } network, ..] && mask.Mask.Length == network.Value.Length)
        {
            var bits = mask.Mask.Span.ToArray().Sum(part => BitOperations.PopCount(part));
            // An address with bits beyond the mask is no network.
            if (IPNetwork.TryParse($"{new IPAddress(network.Value.Span)}/{bits}", out var parsed))
                yield return new SourceIn(parsed, network.Comparison == Comparison.NotEqual);
        }
    }
}
