using System.Diagnostics;
using System.Globalization;
using Podnet.Local.Images;

namespace Podnet.Local.Kubelet;

/// <summary>A container's image, or why there is none.</summary>
/// <param name="Reason">Kubernetes' word for a container that waits: "ErrImagePull"; "" where there is an image.</param>
/// <param name="Message">For an Event, and where there is no image for the container's status.</param>
internal sealed record ImageOutcome(ContainerImage? Image, string Reason, string Message);

/// <summary>What a container wants to be made from.</summary>
/// <param name="Policy">Its imagePullPolicy.</param>
/// <param name="Credentials">The pod's, as containers-auth.json(5); null: those of this machine. Asked for only where something is pulled.</param>
/// <param name="Pulling">Called when a registry is asked.</param>
internal sealed record ImageRequest(string Image, string? Policy, Func<Task<string?>> Credentials, Action Pulling);

/// <summary>
/// Gets containers their images, for all nodes of a cluster: from the image store, then a program of this machine, then a registry. An image
/// that was loaded by hand, and a program, are what there is, whatever the policy: there is no registry that would have a newer one.
/// </summary>
/// <param name="pulls">A folder for what is being fetched.</param>
public sealed class ImageService(ImageStore store, string pulls) : IAsyncDisposable
{
    private const string NoSkopeo = "skopeo, which would pull it, is not installed (apt-get install skopeo)";

    private readonly CancellationTokenSource _stop = new();

    /// <summary>An image that several pods want at once is fetched once.</summary>
    private readonly Dictionary<(string Image, string? Credentials), Task<StoredImage>> _pulls = [];

    internal ImageStore Store => store;

    /// <summary>Is done at once where nothing has to be fetched. Never throws for what can go wrong with an image.</summary>
    internal async Task<ImageOutcome> FindAsync(ImageRequest request)
    {
        var image = request.Image;
        if (!ImageReference.TryParse(image, out var reference, out var fault))
            return new ImageOutcome(null, "InvalidImageName", $"Failed to apply default image tag \"{image}\": {fault}");
        try
        {
            var stored = store.Find(reference);
            if (stored is not null && !(stored.Pulled && request.Policy == "Always"))
                return new ImageOutcome(ContainerImage.Of(stored), "", $"Container image \"{image}\" already present on machine: {stored.ContentName} of the image store");
            if (stored is null && MachineImages.Find(reference) is { } program)
                return new ImageOutcome(program, "", $"Container image \"{image}\" is {program.Source} of this machine");
            if (request.Policy == "Never")
                return new ImageOutcome(null, "ErrImageNeverPull", $"Container image \"{image}\" is not present with pull policy of Never: it is not in the image store, and {MachineImages.WhyNot(reference)}");
            if (RegistryPull.Program is null)
                return new ImageOutcome(null, "ErrImagePull", stored is null ? Nobody(reference) : $"image \"{image}\": its imagePullPolicy is Always, and {NoSkopeo}");
            request.Pulling();
            var began = Stopwatch.GetTimestamp();
            var pulled = await PullAsync(reference, await request.Credentials());
            var took = Stopwatch.GetElapsedTime(began).TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture);
            return new ImageOutcome(ContainerImage.Of(pulled), "", $"Successfully pulled image \"{image}\" in {took}s. Image size: {pulled.Size} bytes. It is {pulled.ContentName}");
        }
        catch (Exception e) when (PodRunner.IsOrdinary(e))
        {
            return new ImageOutcome(null, "ErrImagePull", $"Failed to pull image \"{image}\": {e.Message}");
        }
    }

    /// <summary>Why no pod can have an image, as far as that is known without asking a registry; null if it can perhaps.</summary>
    public static string? WhyNot(string image, string? policy, ImageStore store)
    {
        if (!ImageReference.TryParse(image, out var reference, out var fault))
            return fault;
        return store.Find(reference) is not null || MachineImages.Find(reference) is not null || (policy != "Never" && RegistryPull.Program is not null)
            ? null
            : Nobody(reference);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        Task[] running;
        lock (_pulls)
            running = [.. _pulls.Values];
        await Task.WhenAll(running).ContinueWith(_ => { }, TaskScheduler.Default);
        _stop.Dispose();
    }

    private static string Nobody(ImageReference reference) =>
        $"image \"{reference}\": nobody has it: it is not in the image store ('podnet image load'), {MachineImages.WhyNot(reference)}, "
        + (RegistryPull.Program is null ? $"and {NoSkopeo}" : "and its imagePullPolicy is Never");

    private Task<StoredImage> PullAsync(ImageReference reference, string? credentials)
    {
        var key = (reference.ToString(), credentials);
        lock (_pulls)
        {
            if (_pulls.TryGetValue(key, out var running))
                return running;
            // A thread of the pool: a child is born in its thread's network namespace, and registries are the machine's to reach.
            return _pulls[key] = Task.Run(() => PullOnceAsync(key, reference, credentials));
        }
    }

    private async Task<StoredImage> PullOnceAsync((string, string?) key, ImageReference reference, string? credentials)
    {
        try
        {
            return await new RegistryPull(store, $"{pulls}/{Guid.NewGuid():N}").RunAsync(reference, credentials, _stop.Token);
        }
        finally
        {
            lock (_pulls)
                _pulls.Remove(key);
        }
    }
}
