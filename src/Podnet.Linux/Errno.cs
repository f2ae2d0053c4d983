namespace Podnet.Linux;

/// <summary>Error numbers that Podnet decides on, as in <c>asm-generic/errno-base.h</c> and <c>errno.h</c>; any other value is legal.</summary>
public enum Errno
{
    None = 0,
    NotPermitted = 1,
    NoEntry = 2,
    NoProcess = 3,
    Interrupted = 4,
    InputOutput = 5,
    Again = 11,
    NoMemory = 12,
    Access = 13,
    Busy = 16,
    Exists = 17,
    NoDevice = 19,
    NotDirectory = 20,
    Invalid = 22,
    NoSpace = 28,
    ReadOnlyFileSystem = 30,
    Loop = 40,
    BadMessage = 74,
    Restart = 85,
    MessageSize = 90,
    NotSupported = 95,
    AddressInUse = 98,
    AddressNotAvailable = 99,
    NetworkUnreachable = 101,
    NoBufferSpace = 105,
    TimedOut = 110,
    HostUnreachable = 113,
    NoChild = 10,
}
