using System.Collections.Immutable;
using Podnet.Linux;

namespace Podnet.Dataplane;

/// <summary>What a driver did to make the kernel right. Nothing in it means that all was right already.</summary>
/// <param name="Changes">In the words of the tool that would have done it ("add route …"), a line each.</param>
/// <param name="Failures">What the kernel refused. The rest was done all the same.</param>
public sealed record ApplyReport(ImmutableArray<string> Changes, ImmutableArray<KernelException> Failures)
{
    public static readonly ApplyReport Nothing = new([], []);

    public bool Changed => !Changes.IsEmpty;

    public bool Failed => !Failures.IsEmpty;

    public static ApplyReport operator +(ApplyReport left, ApplyReport right) =>
        new(left.Changes.AddRange(right.Changes), left.Failures.AddRange(right.Failures));
}
