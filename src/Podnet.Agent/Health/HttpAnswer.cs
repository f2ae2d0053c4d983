namespace Podnet.Agent.Health;

/// <summary>What a status page says.</summary>
/// <param name="Body">In pieces, so that a long one is never in memory as a whole.</param>
public sealed record HttpAnswer(int Status, string ContentType, IEnumerable<string> Body)
{
    /// <summary>As Go's net/http names it.</summary>
    public const string PlainText = "text/plain; charset=utf-8";

    public const string Json = "application/json";

    public static readonly HttpAnswer NotFound = new(404, PlainText, "404 page not found\n");

    public HttpAnswer(int status, string contentType, string body)
        : this(status, contentType, [body]) => Length = System.Text.Encoding.UTF8.GetByteCount(body);

    /// <summary>Bytes of the body; null where that is not known before it is written.</summary>
    public int? Length { get; }

    /// <summary>Beside those that each answer has.</summary>
    public IReadOnlyList<(string Name, string Value)> Headers { get; init; } = [];

    /// <summary>RFC 9110, section 15.</summary>
    public string Reason => Status switch
    {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Status",
    };
}
