using System.Globalization;
using Podnet.Bench;

// Each figure in a process of its own, so that none is warmed by another. It prints the figures alone: bench/run makes a table of them.
return args switch
{
    ["first-sync", "nftables", var services, var endpoints] => Print(FirstSync.Nftables(Number(services), Number(endpoints))),
    ["first-sync", "iptables", var services, var endpoints] => Print(FirstSync.Iptables(Number(services), Number(endpoints))),
    ["change", var services, var endpoints, var times] => Print(Changes.Run(Number(services), Number(endpoints), Number(times))),
    ["chain-per-service", var services, var endpoints] => Print(ChainPerService.Load(Number(services), Number(endpoints))),
    ["connections", var services, var endpoints, var seconds] => Print(Connections.Run(Number(services), Number(endpoints), Number(seconds))),
    ["fill", var kubeconfig, var services, var endpoints] => Print(await ApiServer.FillAsync(kubeconfig, Number(services), Number(endpoints))),
    ["watch", var kubeconfig, var nodeNamespace, var services, var endpoints, var times] =>
        Print(await ApiServer.WatchAsync(kubeconfig, nodeNamespace, Number(services), Number(endpoints), Number(times))),
    ["serve", var folder] => await ApiServerAlone.RunAsync(folder),
    ["api", var port, var token] => await AskAsync(Number(port), token),
    _ => Usage(),
};

// Creates a second, seconds for a list of 10,000 pods, and milliseconds from a write to 100 watchers: median and 99th percentile.
static async Task<int> AskAsync(int port, string token)
{
    using var requests = new ApiRequests(port, token);
    await requests.CreateAsync("configmaps", "warm", 3000, atOnce: 256);
    var creates = await requests.CreateAsync("configmaps", "made", 20000, atOnce: 256);
    await requests.CreateAsync("pods", "pod", 10000, atOnce: 256);
    var list = await requests.ListPodsAsync(times: 9);
    await requests.WatchAsync(watchers: 100, changes: 20);
    return Print([creates, list, .. await requests.WatchAsync(watchers: 100, changes: 300)]);
}

static int Number(string text) => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);

static int Print(params double[] figures)
{
    Console.WriteLine(string.Join(' ', figures.Select(figure => figure.ToString("0.####", CultureInfo.InvariantCulture))));
    return 0;
}

static int Usage()
{
    Console.Error.WriteLine("run 'make bench'; bench/run shows the arguments");
    return 2;
}
