using Microsoft.Win32.SafeHandles;
using Podnet.Cni;
using Podnet.Linux;

// The console's streams would prepare for a terminal: a thread, a pipe and four signal handlers.
using var input = Open(0, FileAccess.Read);
using var output = Open(1, FileAccess.Write);
// Not through the stream, which counts a file's bytes for itself: who goes on writing to that file would write over the answer.
return Plugin.Run(
    Environment.GetEnvironmentVariable,
    input,
    answer => output == Stream.Null || DescriptorStreams.Write(FileHandle.OwnOutput, answer.Span));

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
