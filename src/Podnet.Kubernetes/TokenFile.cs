namespace Podnet.Kubernetes;

/// <summary>A bearer token that somebody else rotates (a service account's, say): read again once a minute, as client-go does.</summary>
internal sealed class TokenFile(string path, TimeProvider time)
{
    private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(1);
    private readonly Lock _lock = new();
    private string? _token;
    private long _readAt;

    /// <exception cref="ApiException">It cannot be read, and never could.</exception>
    public string? Read()
    {
        lock (_lock)
        {
            if (_token is not null && time.GetElapsedTime(_readAt) < Fresh)
                return _token;
            try
            {
                _token = File.ReadAllText(path).Trim();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The old one may still be good: while a token is replaced there can be a moment without a file.
                if (_token is null)
                    throw new ApiException(0, "Unreachable", $"token file {path}: {e.Message}", inner: e);
            }
            _readAt = time.GetTimestamp();
            return _token;
        }
    }
}
