namespace Podnet.Cni.Protocol;

/// <summary>Codes of the error object (CNI SPEC 1.1, "Error"); from 100 on they are the plugin's own.</summary>
internal enum CniErrorCode
{
    IncompatibleVersion = 1,
    UnsupportedField = 2,
    InvalidEnvironment = 4,
    InputOutput = 5,
    Decode = 6,
    InvalidConfig = 7,

    /// <summary>What is missing comes by itself: the node has no pod CIDRs yet.</summary>
    TryAgainLater = 11,

    /// <summary>STATUS: no ADD can succeed.</summary>
    NotAvailable = 50,

    /// <summary>STATUS: nor can the containers that are there reach everything.</summary>
    LimitedConnectivity = 51,

    /// <summary>The kernel refused a step, or the plugin has a defect; the details say which.</summary>
    Internal = 100,

    /// <summary>Every address of a range set is taken.</summary>
    NoAddressLeft = 101,

    /// <summary>A requested address belongs to another container.</summary>
    AddressTaken = 102,

    /// <summary>CHECK found that something is not as ADD left it.</summary>
    NotAsAdded = 103,

    /// <summary>ADD for an interface that exists.</summary>
    InterfaceExists = 104,

    /// <summary>A port of the node leads to another container.</summary>
    PortTaken = 105,
}

/// <summary>What ends a command: becomes the error object on standard output, and exit code 1.</summary>
internal sealed class CniException(CniErrorCode code, string message, string? details = null) : Exception(message)
{
    public CniErrorCode Code { get; } = code;

    public string? Details { get; } = details;

    /// <summary>A value from outside, quoted and short enough for one line. 64 characters: arbitrary.</summary>
    public static string Quote(string value) => value.Length <= 64 ? $"\"{value}\"" : $"\"{value[..64]}…\" ({value.Length} characters)";
}
