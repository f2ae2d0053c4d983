using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using k8s;
using k8s.Models;

namespace Podnet.Kubernetes;

/// <summary>What Podnet asks of a Kubernetes API server. Every failure is an <see cref="ApiException"/>.</summary>
public sealed class ApiClient : IDisposable
{
    /// <summary>As kubectl asks for.</summary>
    internal const int PageSize = 500;

    /// <summary>Arbitrary; a page of 500 EndpointSlices of 1000 endpoints each is about 150 MiB.</summary>
    private const int LargestAnswer = 256 << 20;

    /// <summary>Arbitrary; the real API server gives up on a request after 60 s.</summary>
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(60);

    private static readonly MediaTypeHeaderValue Json = new("application/json");
    private static readonly MediaTypeHeaderValue MergePatch = new("application/merge-patch+json");

    private readonly HttpClient _http;
    private readonly Func<string?> _token;

    /// <param name="server">"https://10.99.0.1:6443", perhaps with a path below which the API lies.</param>
    /// <param name="token">The bearer token; null for none.</param>
    public ApiClient(Uri server, HttpMessageHandler handler, string? token)
        : this(server, handler, () => token)
    {
    }

    internal ApiClient(Uri server, HttpMessageHandler handler, Func<string?> token)
    {
        Server = server;
        _token = token;
        _http = new HttpClient(handler)
        {
            Timeout = Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = LargestAnswer,
        };
    }

    public Uri Server { get; }

    /// <summary>By the current context of a kubeconfig.</summary>
    /// <exception cref="KubeconfigException">It cannot be read or lacks something.</exception>
    public static ApiClient FromKubeconfig(string path) => Kubeconfig.Load(path).Connect();

    /// <summary>As a container of the cluster, by its service account.</summary>
    /// <exception cref="KubeconfigException">This is none.</exception>
    public static ApiClient InCluster() => InClusterConfig.Load(Environment.GetEnvironmentVariable, InClusterConfig.Folder).Connect();

    /// <summary>Null if there is no such object.</summary>
    public async Task<T?> GetAsync<T>(Resource<T> resource, string? @namespace, string name, CancellationToken ct)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        try
        {
            return await SendAsync(HttpMethod.Get, resource.Path(@namespace, name), resource, content: null, ct);
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            return null;
        }
    }

    /// <summary>Everything, page by page. An object that cannot be read fails it: a <see cref="ListWatch{T}"/> leaves it out instead.</summary>
    /// <param name="namespace">Null for all namespaces.</param>
    public async Task<List<T>> ListAsync<T>(Resource<T> resource, string? @namespace, ListSelectors? selectors, CancellationToken ct)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        List<T> all = [];
        string? next = null;
        do
        {
            next = (await ListPageAsync(resource, @namespace, selectors, next, all.Add, LeaveOut, ct)).Continue;
        }
        while (next is not null);
        return all;

        void LeaveOut(BrokenObject broken) =>
            throw Unreadable($"list {resource.Plural}", $"{resource.Kind} {broken.Name}: {broken.Reason}");
    }

    public Task<T> CreateAsync<T>(Resource<T> resource, T value, CancellationToken ct)
        where T : class, IKubernetesObject<V1ObjectMeta> =>
        SendAsync(HttpMethod.Post, resource.Path(NamespaceOf(resource, value)), resource, Body(resource, value), ct);

    /// <summary>Creates an object whose kind is known at run time only, as read from a manifest.</summary>
    public async Task CreateAsync(Resource resource, IKubernetesObject<V1ObjectMeta> value, CancellationToken ct) =>
        (await SendAsync(HttpMethod.Post, resource.Path(NamespaceOf(resource, value)), Body(resource, value), ct)).Dispose();

    /// <summary>A token of a service account.</summary>
    public async Task<V1TokenRequestStatus> CreateTokenAsync(string @namespace, string account, V1TokenRequestSpec spec, CancellationToken ct)
    {
        var content = Body(Resources.TokenRequests, new Authenticationv1TokenRequest { Spec = spec });
        var path = Resources.ServiceAccounts.Path(@namespace, account, "token");
        return (await SendAsync(HttpMethod.Post, path, Resources.TokenRequests, content, ct)).Status
            ?? throw Unreadable($"POST {path}", "without status");
    }

    /// <summary>Refused with a conflict where metadata.resourceVersion is given and is not the current one.</summary>
    public Task<T> UpdateAsync<T>(Resource<T> resource, T value, CancellationToken ct)
        where T : class, IKubernetesObject<V1ObjectMeta> =>
        PutAsync(resource, value, subresource: null, ct);

    /// <inheritdoc cref="UpdateAsync{T}"/>
    public Task<T> UpdateStatusAsync<T>(Resource<T> resource, T value, CancellationToken ct)
        where T : class, IKubernetesObject<V1ObjectMeta> =>
        PutAsync(resource, value, "status", ct);

    /// <param name="mergePatch">RFC 7396.</param>
    /// <param name="subresource">"status", or null for the object itself.</param>
    public Task<T> PatchAsync<T>(
        Resource<T> resource, string? @namespace, string name, JsonNode mergePatch, string? subresource, CancellationToken ct)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var content = new ByteArrayContent(Encoding.UTF8.GetBytes(mergePatch.ToJsonString()));
        content.Headers.ContentType = MergePatch;
        return SendAsync(HttpMethod.Patch, resource.Path(@namespace, name, subresource), resource, content, ct);
    }

    /// <param name="gracePeriodSeconds">Null for the object's own.</param>
    /// <param name="uidPrecondition">Refused with a conflict if the object has another uid by now.</param>
    public async Task DeleteAsync<T>(
        Resource<T> resource, string? @namespace, string name, int? gracePeriodSeconds, CancellationToken ct, string? uidPrecondition = null)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var options = new V1DeleteOptions
        {
            ApiVersion = "v1",
            Kind = "DeleteOptions",
            GracePeriodSeconds = gracePeriodSeconds,
            Preconditions = uidPrecondition is null ? null : new V1Preconditions { Uid = uidPrecondition },
        };
        var content = Body(SourceGenerationContext.Default.V1DeleteOptions, options);
        (await SendAsync(HttpMethod.Delete, resource.Path(@namespace, name), content, ct)).Dispose();
    }

    public void Dispose() => _http.Dispose();

    /// <summary>One page, item by item as it comes in.</summary>
    internal async Task<ListEnd> ListPageAsync<T>(
        Resource<T> resource, string? @namespace, ListSelectors? selectors, string? next, Action<T> found, Action<BrokenObject> broken,
        CancellationToken ct)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var query = new StringBuilder(resource.Path(@namespace)).Append("?limit=").Append(PageSize);
        ListSelectors.AppendTo(query, selectors);
        if (next is not null)
            query.Append("&continue=").Append(Uri.EscapeDataString(next));
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(ct);
        timeout.CancelAfter(RequestTimeout);
        using var response = await SendAsync(HttpMethod.Get, query.ToString(), content: null, ct, HttpCompletionOption.ResponseHeadersRead);
        try
        {
            await using var body = await response.Content.ReadAsStreamAsync(timeout.Token);
            return await new ListStream<T>(resource, found, broken).ReadAsync(body, timeout.Token);
        }
        catch (JsonException e)
        {
            throw Unreadable($"list {resource.Plural}", e.Message);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new ApiException(0, "Unreachable", $"list {resource.Plural}: {Innermost(e).Message}", inner: e);
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            throw new ApiException(0, "Timeout", $"list {resource.Plural}: no whole page in {RequestTimeout.TotalSeconds} s", inner: e);
        }
    }

    /// <summary>
    /// Begins a watch; the answer's body is a JSON object a line for as long as it lasts. The headers have come when this
    /// returns; until then <see cref="RequestTimeout"/> counts, after that only <paramref name="ct"/>.
    /// </summary>
    internal async Task<HttpResponseMessage> WatchAsync(
        Resource resource, ListSelectors? selectors, string resourceVersion, TimeSpan lifetime, CancellationToken ct)
    {
        var query = new StringBuilder(resource.Path(@namespace: null))
            .Append("?watch=1&allowWatchBookmarks=true&resourceVersion=").Append(Uri.EscapeDataString(resourceVersion))
            .Append("&timeoutSeconds=").Append((int)lifetime.TotalSeconds);
        ListSelectors.AppendTo(query, selectors);
        return await SendAsync(HttpMethod.Get, query.ToString(), content: null, ct, HttpCompletionOption.ResponseHeadersRead);
    }

    private Task<T> PutAsync<T>(Resource<T> resource, T value, string? subresource, CancellationToken ct)
        where T : class, IKubernetesObject<V1ObjectMeta> =>
        SendAsync(
            HttpMethod.Put, resource.Path(NamespaceOf(resource, value), value.Metadata.Name, subresource), resource,
            Body(resource, value), ct);

    private static string? NamespaceOf(Resource resource, IKubernetesObject<V1ObjectMeta> value) =>
        resource.Namespaced ? value.Metadata.NamespaceProperty ?? "default" : null;

    private static ByteArrayContent Body(Resource resource, IKubernetesObject<V1ObjectMeta> value)
    {
        resource.Stamp(value);
        return Body(resource.TypeInfo, value);
    }

    private static ByteArrayContent Body(JsonTypeInfo type, object value)
    {
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(value, type));
        content.Headers.ContentType = Json;
        return content;
    }

    private async Task<T> SendAsync<T>(
        HttpMethod method, string path, Resource<T> resource, HttpContent? content, CancellationToken ct)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        using var response = await SendAsync(method, path, content, ct);
        var body = await response.Content.ReadAsByteArrayAsync(ct);
        return ObjectReader.TryRead(body, resource, out var value, out var broken)
            ? value
            : throw Unreadable($"{method} {path}", $"{resource.Kind} {broken.Name}: {broken.Reason}");
    }

    /// <summary>The one place where a request leaves: a good answer, or an <see cref="ApiException"/>.</summary>
    private async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, HttpContent? content, CancellationToken ct,
        HttpCompletionOption completion = HttpCompletionOption.ResponseContentRead)
    {
        using var request = new HttpRequestMessage(method, new Uri(Server.AbsoluteUri.TrimEnd('/') + path)) { Content = content };
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        if (_token() is { } token)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(ct);
        timeout.CancelAfter(RequestTimeout);
        HttpResponseMessage? response = null;
        try
        {
            response = await _http.SendAsync(request, completion, timeout.Token);
            if (response.IsSuccessStatusCode)
                return response;
            var refused = Refused(method, path, (int)response.StatusCode, await response.Content.ReadAsByteArrayAsync(timeout.Token));
            response.Dispose();
            throw refused;
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            response?.Dispose();
            throw new ApiException(0, "Unreachable", $"{method} {request.RequestUri}: {Innermost(e).Message}", inner: e);
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            response?.Dispose();
            throw new ApiException(0, "Timeout", $"{method} {request.RequestUri}: no answer in {RequestTimeout.TotalSeconds} s", inner: e);
        }
    }

    /// <summary>The Status object that Kubernetes answers with; a proxy in between may answer anything.</summary>
    private static ApiException Refused(HttpMethod method, string path, int code, byte[] body)
    {
        V1Status? status = null;
        try
        {
            status = JsonSerializer.Deserialize(body, SourceGenerationContext.Default.V1Status);
        }
        catch (JsonException) // Then the code and the text say what can be said.
        {
        }
        if (status?.Kind == "Status")
            return new(code, status.Reason ?? "Unknown", status.Message ?? $"{method} {path}: HTTP {code}", status);
        var text = Encoding.UTF8.GetString(body.AsSpan(0, Math.Min(body.Length, 200))).ReplaceLineEndings(" ");
        return new(code, "Unknown", $"{method} {path}: HTTP {code}: {text}");
    }

    private static ApiException Unreadable(string what, string why) => new(200, "Unreadable", $"{what}: {why}");

    private static Exception Innermost(Exception e) => e.InnerException is { } inner ? Innermost(inner) : e;
}
