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
    _ => Usage(),
};

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
