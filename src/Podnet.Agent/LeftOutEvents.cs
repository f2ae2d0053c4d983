using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Kubernetes;

namespace Podnet.Agent;

/// <summary>
/// A Kubernetes Event on each object that is left out, so that <c>kubectl describe</c> shows to whom it belongs what is wrong with it.
/// Nothing depends on them: they are written slowly, one that cannot be written is given up, and of too many some are dropped.
/// </summary>
internal sealed class LeftOutEvents(ApiClient client, string nodeName, ILogger logger, TimeProvider? timeProvider = null)
{
    public const string Reason = "PodnetSkipped";
    public const string Component = "podnet-agent";

    /// <summary>Arbitrary; what comes while so many wait is in the log only.</summary>
    private const int LongestQueue = 256;

    /// <summary>Kubernetes' limit of an Event's message, in bytes (validation of events.k8s.io/v1: noteLengthLimit).</summary>
    private const int LongestMessage = 1024;

    /// <summary>Between two Events, since every node of the cluster may have as many to write. Arbitrary.</summary>
    internal static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time = timeProvider ?? TimeProvider.System;
    private readonly Channel<LeftOutObject> _queue =
        Channel.CreateBounded<LeftOutObject>(new BoundedChannelOptions(LongestQueue) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>From any thread; never waits.</summary>
    public void Add(LeftOutObject leftOut) => _queue.Writer.TryWrite(leftOut);

    /// <summary>Writes until cancelled.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        await foreach (var leftOut in _queue.Reader.ReadAllAsync(ct))
        {
            try
            {
                await client.CreateAsync(Resources.Events, EventOf(leftOut), ct);
            }
            catch (ApiException e) when (e.IsAlreadyExists) // Said before a restart, and not forgotten yet.
            {
            }
            catch (ApiException e)
            {
                logger.EventFailed(leftOut.Kind, leftOut.Name.ToString(), e.Message);
            }
            await Task.Delay(Pause, _time, ct);
        }
    }

    private Corev1Event EventOf(LeftOutObject leftOut)
    {
        var now = _time.GetUtcNow().UtcDateTime;
        // Events of kinds without namespaces are written into this one, as client-go does.
        var space = leftOut.Name.Namespace.Length == 0 ? "default" : leftOut.Name.Namespace;
        return new()
        {
            Metadata = new() { Name = NameOf(leftOut), NamespaceProperty = space },
            InvolvedObject = new()
            {
                ApiVersion = leftOut.ApiVersion,
                Kind = leftOut.Kind,
                Name = leftOut.Name.Name,
                NamespaceProperty = leftOut.Name.Namespace.Length == 0 ? null : leftOut.Name.Namespace,
                Uid = leftOut.Uid.Length == 0 ? null : leftOut.Uid,
            },
            Type = "Warning",
            Reason = Reason,
            Message = Shorten($"{(leftOut.IsWhole ? "left out of the node's network" : "a part is left out of the node's network")}: {leftOut.Problem}"),
            Source = new() { Component = Component, Host = nodeName },
            FirstTimestamp = now,
            LastTimestamp = now,
            Count = 1,
        };
    }

    /// <summary>The same for the same problem on the same node, so that a restart does not say it again.</summary>
    private string NameOf(LeftOutObject leftOut)
    {
        var text = string.Join('\n', nodeName, leftOut.Kind, leftOut.Name, leftOut.Uid, leftOut.Problem);
        return $"podnet-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 10))}";
    }

    private static string Shorten(string message)
    {
        var length = Math.Min(message.Length, LongestMessage);
        while (Encoding.UTF8.GetByteCount(message.AsSpan(0, length)) > LongestMessage)
            length--;
        return message[..length];
    }
}
