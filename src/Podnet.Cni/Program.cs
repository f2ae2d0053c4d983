using Microsoft.Win32.SafeHandles;
using Podnet.Cni;

// The console's streams would prepare for a terminal: a thread, a pipe and four signal handlers.
using var input = Open(0, FileAccess.Read);
using var output = Open(1, FileAccess.Write);
return Plugin.Run(Environment.GetEnvironmentVariable, input, output);

static Stream Open(int descriptor, FileAccess access)
{
    try
    {
        return new FileStream(new SafeFileHandle(descriptor, ownsHandle: false), access, bufferSize: 0);
    }
    catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException)
    {
        return Stream.Null; // closed by whoever started this: there is no configuration, and nobody who reads an answer
    }
}
