using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Podnet.Core.Dns;

namespace Podnet.Dns;

/// <summary>Asks other servers, remembers what they say, and asks once however many ask for the same. From any thread.</summary>
internal sealed class Forwarder(ImmutableArray<IPEndPoint> upstreams, ILogger logger, TimeProvider time)
{
    /// <summary>Answers that are remembered at most: CoreDNS' default (plugin/cache).</summary>
    private const int CacheSize = 9984;

    /// <summary>Questions that are being asked at the same time at most; more are answered "server failure". CoreDNS suggests 1,000 (plugin/forward).</summary>
    private const int MostAtOnce = 1000;

    /// <summary>All in all within the 5 s that a client waits (resolv.conf(5), "timeout").</summary>
    private const int Tries = 3;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1.5);

    private readonly ReplyCache _cache = new(CacheSize, time);
    private readonly Dictionary<byte[], Task<UpstreamReply?>> _asking = new(QuestionKey.Comparer);
    private volatile int _first; // The upstream that answered last: another one that is away costs its patience once.

    /// <summary>What is remembered; null where it must be asked for.</summary>
    public UpstreamReply? Find(ReadOnlySpan<byte> key, out uint age) => _cache.Find(key, out age);

    /// <summary>Null where nobody answers, or too much is being asked already.</summary>
    public Task<UpstreamReply?> AskAsync(byte[] key)
    {
        lock (_asking)
        {
            if (_asking.TryGetValue(key, out var same))
                return same;
            if (_asking.Count >= MostAtOnce)
                return Task.FromResult<UpstreamReply?>(null);
            return _asking[key] = Task.Run(() => AskAllAsync(key));
        }
    }

    private async Task<UpstreamReply?> AskAllAsync(byte[] key)
    {
        try
        {
            var reply = await TryAsync(key);
            if (reply is not null)
                _cache.Keep(key, reply);
            return reply;
        }
        finally
        {
            lock (_asking)
                _asking.Remove(key);
        }
    }

    /// <summary>One after the other. A server that says it cannot or will not is a reason to ask the next, and the answer where there is none.</summary>
    private async Task<UpstreamReply?> TryAsync(byte[] key)
    {
        UpstreamReply? last = null;
        var first = _first;
        for (var i = 0; i < Tries; i++)
        {
            var place = (first + i) % upstreams.Length;
            using var patience = new CancellationTokenSource(Patience, time);
            try
            {
                last = await Upstream.AskAsync(upstreams[place], key, patience.Token);
                if (last.Code is ResponseCode.NoError or ResponseCode.NameError)
                {
                    _first = place;
                    return last;
                }
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                logger.UpstreamFailed(upstreams[place], e.Message);
            }
        }
        return last;
    }
}
