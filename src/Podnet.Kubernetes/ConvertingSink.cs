using k8s;
using k8s.Models;
using Podnet.Core.Model;
using Podnet.Kubernetes.Converters;

namespace Podnet.Kubernetes;

/// <summary>An object, or a part of it, that a node's network does without because something is wrong with it.</summary>
/// <param name="ApiVersion">Its own, with <paramref name="Kind"/>: "v1", "discovery.k8s.io/v1".</param>
/// <param name="Uid">Empty where it is unknown.</param>
/// <param name="IsWhole">Nothing of it is used.</param>
/// <param name="Problem">One line, with the field's path.</param>
public sealed record LeftOutObject(string ApiVersion, string Kind, ObjectName Name, string Uid, bool IsWhole, string Problem);

/// <summary>Keeps of the objects of one kind what they are to a node's network, and tells what of that changes.</summary>
/// <param name="changed">(name, before, now), of which one may be null, never both; equal ones are no change.</param>
/// <param name="leftOut">Once for each problem, until the object has another one or none.</param>
internal sealed class ConvertingSink<T, TModel>(
    Resource resource, Func<T, Converted<TModel>> convert, Func<TModel, TModel, bool> unchanged, Action<ObjectName, TModel?, TModel?> changed,
    Action<LeftOutObject> leftOut)
    : IObjectSink<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
    where TModel : class
{
    private readonly Dictionary<ObjectName, Seen<TModel>> _models = [];
    private readonly Dictionary<ObjectName, Seen<string>> _problems = [];
    private int _list; // Counts lists, so that what one did not have is told from what it had without a set of names.

    public void BeginList() => _list++;

    public void Put(T value)
    {
        var meta = value.Metadata;
        var name = new ObjectName(SharedText.Of(meta.NamespaceProperty ?? ""), meta.Name);
        var (model, problem) = convert(value);
        Say(name, meta.Uid ?? "", problem, isWhole: model is null);
        Put(name, model);
    }

    public void Remove(ObjectName name)
    {
        _problems.Remove(name);
        Put(name, null);
    }

    public void LeaveOut(BrokenObject broken)
    {
        Say(broken.Name, broken.Uid, Fields.OneLine(broken.Reason), isWhole: true);
        Put(broken.Name, null);
    }

    public void EndList()
    {
        foreach (var (name, _) in _models.Where(each => each.Value.List != _list).ToArray())
            Put(name, null);
        foreach (var (name, _) in _problems.Where(each => each.Value.List != _list).ToArray())
            _problems.Remove(name);
    }

    private void Put(ObjectName name, TModel? now)
    {
        var before = _models.GetValueOrDefault(name).What;
        if (now is null)
        {
            if (_models.Remove(name))
                changed(name, before, null);
            return;
        }
        var isSame = before is not null && unchanged(before, now);
        _models[name] = new(isSame ? before! : now, _list);
        if (!isSame)
            changed(name, before, now);
    }

    private void Say(ObjectName name, string uid, string? problem, bool isWhole)
    {
        if (problem is null)
        {
            _problems.Remove(name);
            return;
        }
        var said = _problems.GetValueOrDefault(name).What;
        _problems[name] = new(problem, _list);
        if (said != problem)
            leftOut(new(resource.ApiVersion, resource.Kind, name, uid, isWhole, problem));
    }

    /// <param name="List">The last list, or the one before the last watch event, that had it.</param>
    private readonly record struct Seen<TWhat>(TWhat What, int List);
}
