using Podnet.Core.Model;

namespace Podnet.Kubernetes;

/// <summary>Takes in the objects of one kind as a <see cref="ListWatch{T}"/> reads them, one call after the other.</summary>
/// <remarks>An exception from here ends the loop that calls.</remarks>
public interface IObjectSink<in T>
{
    /// <summary>All objects come now; a list that fails in the middle is begun again.</summary>
    void BeginList();

    /// <summary>It is there, as a whole. It may be one that was there already, unchanged.</summary>
    void Put(T value);

    /// <summary>It is gone. It may be one that was never there.</summary>
    void Remove(ObjectName name);

    /// <summary>It is there and cannot be read: whatever it was before, it counts as gone.</summary>
    void LeaveOut(BrokenObject broken);

    /// <summary>What has not come since <see cref="BeginList"/> is gone.</summary>
    void EndList();
}

/// <summary>An object whose JSON is not what its kind has.</summary>
/// <param name="Name">Of a list's item whose name cannot be read either, where it stood: "items[3]".</param>
/// <param name="Uid">Empty if not even that can be read.</param>
public sealed record BrokenObject(ObjectName Name, string Uid, string Reason);
