namespace Podnet.Kubernetes.Converters;

/// <summary>What an API object is to a node's network.</summary>
/// <param name="Value">Null where the object is left out: because of the problem or, without one, because it is none of a proxy's business.</param>
/// <param name="Problem">
/// What is wrong, with the field's path; one line, of names that were checked or are quoted. With a value it says which part of
/// the object was left out.
/// </param>
public readonly record struct Converted<T>(T? Value, string? Problem)
    where T : class
{
    public static readonly Converted<T> Ignored;
}

/// <summary>One field is not what Kubernetes allows. Stays within this folder: a converter makes it a <see cref="Converted{T}.Problem"/>.</summary>
internal sealed class FieldException(string message) : Exception(message);
