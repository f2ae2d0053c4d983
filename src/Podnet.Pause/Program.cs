using System.Runtime;

namespace Podnet.Pause;

/// <summary>
/// Holds a pod's namespaces open until it is told to end, and, where the pod shares its PID namespace, takes away the children
/// that lost their parents: what Kubernetes' build/pause does.
/// </summary>
internal static unsafe class Program
{
    private const int Interrupt = 2;
    private const int Terminate = 15;
    private const int ChildEnded = 17;
    private const ulong Awaited = (1UL << (Interrupt - 1)) | (1UL << (Terminate - 1)) | (1UL << (ChildEnded - 1));

    /// <summary>start.S calls this one.</summary>
    [RuntimeExport("pause_main")]
    private static int Start(int argc, byte** argv)
    {
        for (var i = 1; i < argc; i++)
        {
            if (argv[i][0] == '-' && argv[i][1] == 'v' && argv[i][2] == 0)
                return PrintVersion();
        }

        if (Kernel.ProcessId != 1)
            Kernel.Print("pause: warning: it should be the first process of its PID namespace, and takes no orphans away otherwise\n"u8);

        Kernel.Block(Awaited);
        while (true)
        {
            // Before the first wait too, for those that ended while nobody listened; one signal may stand for several.
            while (Kernel.ReapChild())
            {
            }

            switch (Kernel.NextSignal(Awaited))
            {
                case Interrupt:
                    Kernel.Print("pause: ending, got SIGINT\n"u8);
                    return 0;
                case Terminate:
                    Kernel.Print("pause: ending, got SIGTERM\n"u8);
                    return 0;
            }
        }
    }

    private static int PrintVersion()
    {
        Kernel.Print("pause "u8);
        Kernel.Print(Version.Text);
        Kernel.Print("\n"u8);
        return 0;
    }

    /// <summary>The C# compiler wants an entry point; the kernel's is _start.</summary>
    private static void Main()
    {
    }
}
