using System.Threading.Channels;
using k8s.Models;
using Podnet.Core.Model;
using Podnet.Kubernetes;

namespace Podnet.Agent;

/// <summary>Passes all Nodes on, and hands out a copy of this agent's own: its status is the agent's to write.</summary>
internal sealed class OwnNode(string name, IObjectSink<V1Node> next, ChannelWriter<V1Node> own) : IObjectSink<V1Node>
{
    public void BeginList() => next.BeginList();

    public void Put(V1Node value)
    {
        next.Put(value);
        if (value.Metadata.Name == name)
            own.TryWrite(value);
    }

    public void Remove(ObjectName name) => next.Remove(name);

    public void LeaveOut(BrokenObject broken) => next.LeaveOut(broken);

    public void EndList() => next.EndList();
}
