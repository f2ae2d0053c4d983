using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace Podnet.Bench;

/// <summary>Writes, lists and watches of an API server, by bare HTTP/2: what the client costs is as little as can be.</summary>
internal sealed class ApiRequests : IDisposable
{
    private readonly HttpClient _http;

    public ApiRequests(int port, string token)
    {
        var handler = new SocketsHttpHandler { EnableMultipleHttp2Connections = true };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true; // 127.0.0.1, and nothing secret.
        _http = new HttpClient(handler)
        {
            BaseAddress = new Uri($"https://127.0.0.1:{port}"),
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    /// <returns>Objects a second.</returns>
    public async Task<double> CreateAsync(string plural, string prefix, int count, int atOnce)
    {
        var began = Stopwatch.GetTimestamp();
        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = atOnce }, async (i, ct) =>
            await SendAsync(HttpMethod.Post, $"/api/v1/namespaces/default/{plural}", plural == "pods" ? Pod($"{prefix}-{i}") : ConfigMap($"{prefix}-{i}", i)));
        return count / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    /// <returns>Seconds to the last byte, the median.</returns>
    public async Task<double> ListPodsAsync(int times)
    {
        var took = new List<double>(times);
        for (var i = 0; i < times; i++)
        {
            var began = Stopwatch.GetTimestamp();
            await using var body = await _http.GetStreamAsync("/api/v1/pods");
            await body.CopyToAsync(Stream.Null);
            took.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
        }
        return took.Order().ElementAt(times / 2);
    }

    /// <summary>From before an object is sent to its line at each of the watchers.</summary>
    /// <returns>Median and 99th percentile, in milliseconds.</returns>
    public async Task<double[]> WatchAsync(int watchers, int changes)
    {
        using var end = new CancellationTokenSource();
        var (sent, took) = (new long[changes + 1], new ConcurrentBag<double>());
        using var arrived = new SemaphoreSlim(0);
        var standing = new List<Task>();
        for (var i = 0; i < watchers; i++)
        {
            var lines = new StreamReader(await _http.GetStreamAsync("/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=" + await RevisionAsync(), end.Token));
            standing.Add(Task.Run(
                async () =>
                {
                    while (await lines.ReadLineAsync(end.Token) is { } line)
                    {
                        took.Add(Stopwatch.GetElapsedTime(Volatile.Read(ref sent[Number(line)])).TotalMilliseconds);
                        arrived.Release();
                    }
                },
                end.Token));
        }
        for (var i = 1; i <= changes; i++)
        {
            Volatile.Write(ref sent[i], Stopwatch.GetTimestamp());
            await SendAsync(HttpMethod.Post, "/api/v1/namespaces/default/configmaps", ConfigMap($"watched-{changes}-{i}", i));
            for (var one = 0; one < watchers; one++)
                await arrived.WaitAsync(TimeSpan.FromSeconds(30));
        }
        await end.CancelAsync();
        await Task.WhenAll(standing).ContinueWith(_ => { }, TaskScheduler.Default);
        return Changes.Percentiles([.. took]);
    }

    public void Dispose() => _http.Dispose();

    private async Task<string> RevisionAsync()
    {
        var list = await _http.GetStringAsync("/api/v1/namespaces/default/configmaps?limit=1");
        return Between(list, "\"resourceVersion\":\"");
    }

    private static int Number(string line) => int.Parse(Between(line, "\"number\":\""), CultureInfo.InvariantCulture);

    private static string Between(string text, string before)
    {
        var start = text.IndexOf(before, StringComparison.Ordinal) + before.Length;
        return text[start..text.IndexOf('"', start)];
    }

    private async Task SendAsync(HttpMethod method, string path, string json)
    {
        using var request = new HttpRequestMessage(method, path)
        {
            Version = HttpVersion.Version20,
            Content = new StringContent(json, Encoding.UTF8, "application/json"),
        };
        using var response = await _http.SendAsync(request);
        if (!response.IsSuccessStatusCode)
            throw new InvalidOperationException(await response.Content.ReadAsStringAsync());
    }

    /// <summary>Of about 1 KB.</summary>
    private static string ConfigMap(string name, int number) => $$"""
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{name}}", "labels": {"app": "bench"} },
         "data": {"number": "{{number}}", "text": "{{new string('x', 700)}}"} }
        """;

    private static string Pod(string name) => $$"""
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "{{name}}", "labels": {"app": "bench", "tier": "web"} },
         "spec": {"containers": [{"name": "web", "image": "nginx:1.27", "ports": [{"containerPort": 80}],
          "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"} } }],
          "readinessProbe": {"httpGet": {"path": "/", "port": 80} }, "resources": {"requests": {"cpu": "100m", "memory": "64Mi"} } }] } }
        """;
}
