using k8s.Models;

namespace Podnet.Kubernetes;

/// <summary>The API server refused a request, answered what cannot be read, or could not be reached.</summary>
public sealed class ApiException : Exception
{
    public ApiException(int code, string reason, string message, V1Status? status = null, Exception? inner = null)
        : base(message, inner)
    {
        Code = code;
        Reason = reason;
        Status = status;
    }

    /// <summary>The HTTP status code; 0 where there was no answer.</summary>
    public int Code { get; }

    /// <summary>
    /// metav1.StatusReason: NotFound, AlreadyExists, Conflict, Expired, Invalid, Unauthorized … ; "Unreachable" where there was no
    /// answer, "Timeout" where it did not come in time, "Unreadable" where it was not what Kubernetes answers.
    /// </summary>
    public string Reason { get; }

    /// <summary>Null where the answer was not a Status object.</summary>
    public V1Status? Status { get; }

    public bool IsNotFound => Code == 404;

    /// <summary>The object has changed since it was read: read it again, decide again.</summary>
    public bool IsConflict => Code == 409 && !IsAlreadyExists;

    public bool IsAlreadyExists => Code == 409 && Reason == "AlreadyExists";

    /// <summary>The resourceVersion (or the continue token) is older than what the server remembers: list again.</summary>
    public bool IsExpired => Code == 410;
}
