using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using Podnet.Core.Model;
using Podnet.Linux;
using Podnet.Local.ApiServer;

namespace Podnet.Local.Tests.ApiServer;

/// <summary>A process (this very program, started anew) that writes to a store as fast as it can and says what was acknowledged, until it is killed.</summary>
internal static class StoreWriter
{
    private const string Mark = "PODNET_TEST_STORE_WRITER";
    private const int Writers = 8, NamesEach = 5;

    /// <summary>Each third step removes the object.</summary>
    public static int? Visible(int step) => step % 3 == 0 ? null : step;

    public static int? StepOf(StoredObject? stored) =>
        stored is null ? null : int.Parse(JsonNode.Parse(stored.Json)!["data"]!["step"]!.GetValue<string>(), CultureInfo.InvariantCulture);

    /// <returns>The last acknowledged step of each object.</returns>
    public static async Task<Dictionary<string, int>> RunAndKillAsync(string database, int round, TimeSpan life)
    {
        using var output = Pipe.Create();
        var child = ChildProcess.Start(new ProcessStart(Path.Combine(AppContext.BaseDirectory, "Podnet.Local.Tests"), [])
        {
            StandardOutput = output.Write,
            Environment = new Dictionary<string, string?> { [Mark] = $"{round} {database}" },
        });
        output.Write.Dispose();
        var acknowledged = new Dictionary<string, int>();
        using var reader = new StreamReader(output.OpenRead(), Encoding.UTF8);
        Task? killing = null;
        while (await reader.ReadLineAsync() is { } line)
        {
            if (line.Split(' ') is [var name, var step, "."])
                acknowledged[name] = int.Parse(step, CultureInfo.InvariantCulture);
            killing ??= Task.Delay(life).ContinueWith(_ => child.Kill(Signals.Kill), TaskScheduler.Default);
        }
        await (killing ?? Task.CompletedTask);
        var status = await child.Exited;
        Assert.Equal(Signals.Kill, status.Signal);
        return acknowledged;
    }

    [ModuleInitializer]
    internal static void RunIfAsked()
    {
        if (Environment.GetEnvironmentVariable(Mark)?.Split(' ', 2) is not [var round, var database])
            return;
        using var store = ObjectStore.Open(database, KeptStoreTests.Resources.Table.All);
        using var output = Console.OpenStandardOutput();
        var (next, writes) = (new int[Writers], new Task[Writers]);
        for (var writer = 0; writer < Writers; writer++)
            writes[writer] = Write(store, Name(round, writer, next[writer] = NamesEach), step: 1);
        // On this thread alone: others would wait for the end of the module's initializer before they run any code of the module.
        while (true)
        {
            var writer = Task.WaitAny(writes);
            writes[writer].GetAwaiter().GetResult();
            output.Write(Encoding.ASCII.GetBytes($"{Name(round, writer, next[writer])} {next[writer] / NamesEach} .\n"));
            next[writer]++;
            writes[writer] = Write(store, Name(round, writer, next[writer]), next[writer] / NamesEach);
        }
    }

    private static string Name(string round, int writer, int count) => $"r{round}-w{writer}-{count % NamesEach}";

    private static Task Write(ObjectStore store, string name, int step) => store.WriteAsync(writer => Visible(step) is { } value
        ? writer.Put(KeptStoreTests.Resources.ConfigMaps, KeptStoreTests.Resources.ConfigMap(name, value, new string('x', 1000)))
        : writer.Remove(KeptStoreTests.Resources.ConfigMaps, writer.Get(KeptStoreTests.Resources.ConfigMaps, new ObjectName("default", name))!));
}
