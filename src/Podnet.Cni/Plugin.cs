using Podnet.Cni.Ipam;
using Podnet.Cni.Protocol;
using Podnet.Cni.Wiring;
using Podnet.Linux;
using Podnet.Netlink;

namespace Podnet.Cni;

/// <summary>One call of the plugin, as CNI SPEC 1.1, section 2, describes it.</summary>
internal static class Plugin
{
    /// <summary>Carries out what the environment asks for, in the calling thread's network namespace, which is the node's.</summary>
    /// <param name="answer">Writes to standard output; false where that is not possible.</param>
    /// <param name="beforeStep">Told each step of ADD before it is taken: where tests let it fail.</param>
    /// <returns>The exit code: 0, or 1 with an error object on the output.</returns>
    public static int Run(
        Func<string, string?> environment, Stream input, Func<ReadOnlyMemory<byte>, bool> answer, Action<AddStep>? beforeStep = null)
    {
        var answerIn = CniVersion.Latest;
        try
        {
            var request = Request.FromEnvironment(environment);
            if (request.Command == CniCommand.Version)
            {
                Answer(answer, ResultWriter.Versions(NetworkConfig.ReadVersion(input)));
                return 0;
            }

            Run(request, input, answer, version => answerIn = version, beforeStep);
            return 0;
        }
        catch (Exception e)
        {
            // Whatever it was, the caller reads it from the error object and nowhere else; who cannot be told has the exit code.
            answer(ResultWriter.Error(answerIn, AsCniException(e)));
            return 1;
        }
    }

    private static void Run(
        Request request, Stream input, Func<ReadOnlyMemory<byte>, bool> answer, Action<CniVersion> answerIn, Action<AddStep>? beforeStep)
    {
        NetworkConfig config;
        try
        {
            config = NetworkConfig.Read(input, request, version =>
            {
                answerIn(version);
                RequireCommand(request.Command, version);
            });
        }
        catch (CniException e) when (request.Command == CniCommand.Status && e.Code == CniErrorCode.TryAgainLater)
        {
            throw new CniException(CniErrorCode.NotAvailable, e.Message, e.Details);
        }

        switch (request.Command)
        {
            case CniCommand.Add:
                Add(config, request, answer, beforeStep);
                break;
            case CniCommand.Delete:
                Delete(config, request);
                break;
            case CniCommand.Check:
                Check(config, request);
                break;
            case CniCommand.Status:
                Readiness.Require(config);
                break;
            default:
                GarbageCollection.Run(config);
                break;
        }
    }

    /// <summary>A runtime that speaks an older version cannot mean the command.</summary>
    private static void RequireCommand(CniCommand command, CniVersion version)
    {
        var (isThere, name) = command switch
        {
            CniCommand.Check => (version.HasCheck, "CHECK"),
            CniCommand.Status => (version.HasStatusAndGarbageCollection, "STATUS"),
            CniCommand.GarbageCollect => (version.HasStatusAndGarbageCollection, "GC"),
            _ => (true, ""),
        };
        if (!isThere)
            throw new CniException(CniErrorCode.IncompatibleVersion, $"config version does not allow {name}", $"{version.Text} has no {name}");
    }

    private static void Add(NetworkConfig config, Request request, Func<ReadOnlyMemory<byte>, bool> answer, Action<AddStep>? beforeStep)
    {
        using var pod = PodNamespace.Open(request);
        using var host = new RouteSocket();

        beforeStep?.Invoke(AddStep.Reserve);
        var allocation = AddressManager.Allocate(config, request, host.IsOwn);
        var attachment = Attachment.Of(request, config.RequestedMac);
        var (created, mapped) = (false, false);
        try
        {
            beforeStep?.Invoke(AddStep.GuardSources);
            SourceGuard.Ensure();
            beforeStep?.Invoke(AddStep.CreateLink);
            var link = PodWiring.Create(host, attachment, request.InterfaceName, pod.Handle, config.Mtu);
            created = true;
            PodWiring.Configure(host, pod, attachment, link, allocation.Addresses, beforeStep);
            // An earlier ADD of this container that no DEL followed: ports that it had lead to an address that others may have had since.
            if (config.PortMappings.Count > 0 || allocation.New.Count < allocation.Addresses.Count)
            {
                beforeStep?.Invoke(AddStep.MapPorts);
                mapped = true;
                HostPorts.Set(host, attachment, config.PortMappings, allocation.Addresses);
            }

            if (config.Bandwidth != default)
            {
                beforeStep?.Invoke(AddStep.LimitBandwidth);
                Bandwidth.Limit(host, pod, link, config.Bandwidth);
            }

            var result = new AddResult(
                new ResultInterface(attachment.HostInterface, attachment.HostMac.ToString(), link.Mtu, null),
                new ResultInterface(request.InterfaceName, attachment.PodMac.ToString(), link.Mtu, request.NetnsPath),
                allocation.Addresses,
                allocation.Addresses.Select(Gateway.For).ToList());
            beforeStep?.Invoke(AddStep.Answer);
            Answer(answer, ResultWriter.Add(config, result));
        }
        catch
        {
            if (created)
                Disconnect(host, attachment, mapped);
            AddressManager.Undo(config, allocation);
            throw;
        }
    }

    /// <summary>
    /// Succeeds however little is left, and however often it is called. Needs neither the namespace nor prevResult: the pair
    /// is known by its end on the node, and goes as a whole.
    /// </summary>
    private static void Delete(NetworkConfig config, Request request)
    {
        using var host = new RouteSocket();
        Disconnect(host, Attachment.Of(request), hasPorts: true);
        AddressManager.Release(config, request);
    }

    /// <summary>Before its address is free: nothing may lead to that any more. Where ports cannot be taken away, the link goes all the same.</summary>
    private static void Disconnect(RouteSocket host, Attachment attachment, bool hasPorts)
    {
        try
        {
            if (hasPorts)
                HostPorts.Remove(host, attachment);
        }
        finally
        {
            PodWiring.Delete(attachment);
        }
    }

    private static void Check(NetworkConfig config, Request request)
    {
        var wrong = WiringCheck.Run(config, request);
        if (wrong.Count > 0)
            throw new CniException(CniErrorCode.NotAsAdded, wrong[0], string.Join("; ", wrong));
    }

    private static void Answer(Func<ReadOnlyMemory<byte>, bool> answer, ReadOnlyMemory<byte> content)
    {
        if (!answer(content))
            throw new CniException(CniErrorCode.InputOutput, "cannot write to standard output");
    }

    private static CniException AsCniException(Exception e) => e switch
    {
        CniException known => known,
        KernelException refused => new CniException(CniErrorCode.Internal, "the kernel refused a step", refused.Message),
        IOException io => new CniException(CniErrorCode.InputOutput, "input or output failed", io.Message),
        _ => new CniException(CniErrorCode.Internal, "unexpected failure", e.ToString()),
    };
}
