namespace Podnet.Cni.Protocol;

/// <summary>What a pod may receive and send at most: the capability "bandwidth" (CONVENTIONS.md).</summary>
internal readonly record struct BandwidthLimits(BandwidthLimit? Ingress, BandwidthLimit? Egress)
{
    public static BandwidthLimits Read(ConfigValue? runtime)
    {
        if (runtime?.Find("bandwidth") is not { } bandwidth)
            return default;
        foreach (var key in bandwidth.Keys())
        {
            if (key.ToLowerInvariant() is not ("ingressrate" or "ingressburst" or "egressrate" or "egressburst"))
                throw bandwidth.Get(key).Unsupported();
        }

        return new BandwidthLimits(Read(bandwidth, "ingressRate", "ingressBurst"), Read(bandwidth, "egressRate", "egressBurst"));
    }

    /// <summary>0 is how runtimes say that nothing is asked for.</summary>
    private static BandwidthLimit? Read(ConfigValue bandwidth, string rateKey, string burstKey)
    {
        var rate = bandwidth.FindAnyCase(rateKey)?.AsLong(0) ?? 0;
        var burst = bandwidth.FindAnyCase(burstKey);
        var bits = burst?.AsLong(0) ?? 0;
        if (rate == 0 && bits > 0)
            throw burst!.Value.Invalid($"says nothing without {rateKey}");
        if (rate is > 0 and < BandwidthLimit.BitsOfByte)
            throw bandwidth.FindAnyCase(rateKey)!.Value.Invalid("is less than 8 bits a second");
        return rate == 0 ? null : new BandwidthLimit(rate, bits is 0 or >= BandwidthLimit.NoBurstSaid ? null : bits);
    }
}

/// <summary>A limit in one direction.</summary>
/// <param name="Rate">Bits a second.</param>
/// <param name="Burst">Bits; null leaves it to the plugin.</param>
internal readonly record struct BandwidthLimit(long Rate, long? Burst)
{
    public const int BitsOfByte = 8;

    /// <summary>
    /// 2³¹-1. A pod's annotations have no burst, and runtimes then say the greatest number that they can: 2³¹-1 (the old kubelet), 2³²-1
    /// (containerd) or eight times that (CRI-O). Taken by the word, half a gigabyte would pass before there is a limit.
    /// </summary>
    public const long NoBurstSaid = int.MaxValue;
}
