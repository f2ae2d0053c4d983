namespace Podnet.EndToEnd.Tests;

/// <summary>Where things lie: the tests run the programs of bin/, as a user does.</summary>
internal static class Repository
{
    internal static string Root { get; } = Find();

    internal static string Podnet => Built("podnet");

    internal static string Example(string file) => Path.Combine(Root, "examples", "nginx", file);

    internal static string Fixture(string path) => Path.Combine(Root, "tests", "fixtures", path);

    internal static string Built(string program)
    {
        var path = Path.Combine(Root, "bin", program);
        return File.Exists(path) ? path : throw new InvalidOperationException($"{path} is not built: run 'make build' first");
    }

    private static string Find()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "Podnet.slnx")))
                return folder;
        }

        throw new InvalidOperationException("Podnet.slnx is in no folder above the test");
    }
}
