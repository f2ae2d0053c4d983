using System.Collections.ObjectModel;

namespace Podnet.Local.ApiServer;

/// <summary>What is wrong with an object: the first <see cref="Told"/>, and how many more there are.</summary>
internal sealed class FieldErrors : Collection<FieldError>
{
    /// <summary>More than anybody reads; arbitrary.</summary>
    private const int Told = 100;

    public int More { get; private set; }

    protected override void InsertItem(int index, FieldError item)
    {
        if (Count < Told)
            base.InsertItem(index, item);
        else
            More++;
    }
}
