using System.Collections.Immutable;
using System.Net;
using k8s.Models;
using Podnet.Core.Model;

namespace Podnet.Kubernetes.Converters;

/// <summary>The blocks of one ServiceCIDR object.</summary>
public sealed record ServiceCidr(ImmutableArray<IPNetwork> Blocks)
{
    /// <summary>IPv4 before IPv6, then by address, then the larger network first.</summary>
    public static IEnumerable<IPNetwork> Sorted(IEnumerable<IPNetwork> blocks) =>
        blocks.OrderBy(block => block.Family())
            .ThenBy(block => Convert.ToHexString(block.BaseAddress.GetAddressBytes()), StringComparer.Ordinal)
            .ThenBy(block => block.PrefixLength);

    internal static bool AreSame(ServiceCidr a, ServiceCidr b) => a.Blocks.SequenceEqual(b.Blocks);
}

/// <summary>networking.k8s.io ServiceCIDR → its blocks. One that is being deleted gives out no addresses any more (KEP-1880).</summary>
public static class ServiceCidrConverter
{
    public static Converted<ServiceCidr> Convert(V1ServiceCIDR value)
    {
        if (value.Metadata?.DeletionTimestamp is not null)
            return Converted<ServiceCidr>.Ignored;
        try
        {
            if (value.Spec?.Cidrs is not { Count: > 0 } texts)
                throw new FieldException("spec.cidrs: is empty");
            var blocks = texts.Select((text, i) => Fields.Network(text, $"spec.cidrs[{i}]")).ToImmutableArray();
            Fields.OnePerFamily([.. blocks.Select(block => block.BaseAddress)], "spec.cidrs");
            return new(new ServiceCidr(blocks), null);
        }
        catch (FieldException e)
        {
            return new(null, e.Message);
        }
    }
}
