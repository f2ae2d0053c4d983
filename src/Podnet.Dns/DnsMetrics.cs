using System.Text;

namespace Podnet.Dns;

/// <summary>What the server counts. From any thread.</summary>
internal sealed class DnsMetrics
{
    private static readonly string[] Codes = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

    private readonly long[] _udp = new long[16], _tcp = new long[16];
    private long _hits, _misses, _ignored;

    /// <param name="reply">What was answered; empty where a packet was not worth an answer.</param>
    public void Answered(ReadOnlySpan<byte> reply, bool overUdp)
    {
        if (reply.IsEmpty)
            Interlocked.Increment(ref _ignored);
        else
            Interlocked.Increment(ref (overUdp ? _udp : _tcp)[reply[3] & 15]);
    }

    public void Forwarded(bool fromCache) => Interlocked.Increment(ref fromCache ? ref _hits : ref _misses);

    /// <summary>Prometheus' text format.</summary>
    public string Print(int names)
    {
        var text = new StringBuilder();
        Head("podnet_dns_responses_total", "counter", "Queries that were answered, by what with");
        foreach (var (protocol, counts) in ((string, long[])[])[("udp", _udp), ("tcp", _tcp)])
        {
            for (var code = 0; code < Codes.Length; code++)
                text.Append($"podnet_dns_responses_total{{proto=\"{protocol}\",rcode=\"{Codes[code]}\"}} {Interlocked.Read(ref counts[code])}\n");
        }
        One("podnet_dns_ignored_total", "counter", "Packets that were no queries", Interlocked.Read(ref _ignored));
        One("podnet_dns_cache_hits_total", "counter", "Other servers' answers that were remembered", Interlocked.Read(ref _hits));
        One("podnet_dns_cache_misses_total", "counter", "Questions that other servers were asked", Interlocked.Read(ref _misses));
        One("podnet_dns_names", "gauge", "Names of the cluster", names);
        return text.ToString();

        void Head(string name, string type, string help) => text.Append($"# HELP {name} {help}\n# TYPE {name} {type}\n");

        void One(string name, string type, string help, long value)
        {
            Head(name, type, help);
            text.Append($"{name} {value}\n");
        }
    }
}
