using System.CommandLine;
using System.Globalization;
using Podnet.Local.Images;
using Spectre.Console;

namespace Podnet.Cli.Commands;

/// <summary>The images that this machine has for all its local clusters.</summary>
internal static class ImageCommand
{
    private static readonly ImageStore Store = new(ImageStore.DefaultFolder);

    internal static Command Create() => new("image", "Load, list or remove the OCI images that pods of local clusters can have.") { CreateLoad(), CreateList(), CreateRemove() };

    private static Command CreateLoad()
    {
        var source = new Argument<string>("file-or-folder") { Description = "An archive of podman save, docker save or skopeo, perhaps with gzip; an OCI image layout; or - for an archive on standard input." };
        var name = new Option<string?>("--as") { Description = "The image's name, where it has none or is to have another: web:1." };
        var command = new Command("load", "Load images, to be used by any pod that names them.") { source, name };
        command.SetAction(parsed =>
        {
            ClusterOption.RequireRoot();
            var given = parsed.GetValue(name) is { } text ? Reference(text, "--as") : null;
            var path = parsed.GetRequiredValue(source);
            using var progress = new Progress(Console.Out);
            var loader = new ImageLoader(Store, new ImageLimits(), progress.Now);
            IReadOnlyList<StoredImage> loaded;
            if (path == "-")
            {
                using var input = Console.OpenStandardInput();
                loaded = loader.Load(input, "standard input", given);
            }
            else
            {
                loaded = loader.Load(path, given);
            }

            foreach (var image in loaded)
                progress.Done($"{image.Name} loaded: {image.Layers.Count} {(image.Layers.Count == 1 ? "layer" : "layers")}, {Size(image.Size)}");
        });
        return command;
    }

    private static Command CreateList()
    {
        var command = new Command("list", "Show the images.");
        command.SetAction(parsed =>
        {
            ClusterOption.RequireRoot();
            var images = Store.List();
            if (images.Count == 0)
            {
                Console.WriteLine("there are no images: 'podnet image load' takes some in, and pods have others pulled");
                return;
            }

            var table = StatusTables.Table("IMAGE", "ID", "SIZE", "SOURCE");
            foreach (var image in images)
            {
                const int digits = 12; // as other tools show it
                table.AddRow(
                    StatusTables.Text(image.Name), StatusTables.Text(image.Id["sha256:".Length..][..digits]), StatusTables.Text(Size(image.Size)),
                    StatusTables.Text(image.Pulled ? "pulled" : "loaded"));
            }

            StatusTables.Write(table);
        });
        return command;
    }

    private static Command CreateRemove()
    {
        var names = new Argument<string[]>("image") { Description = "Their names.", Arity = ArgumentArity.OneOrMore };
        var command = new Command("remove", "Remove images; containers that run on them go on.") { names };
        command.SetAction(parsed =>
        {
            ClusterOption.RequireRoot();
            ImageReference[] references = [.. parsed.GetRequiredValue(names).Select(name => Reference(name, "image"))];
            using var progress = new Progress(Console.Out);
            progress.Now("removing");
            foreach (var name in Store.Remove(references))
                progress.Done($"{name} removed");
        });
        return command;
    }

    private static ImageReference Reference(string text, string what) =>
        ImageReference.TryParse(text, out var reference, out var fault) ? reference : throw new UserError($"{what}: {fault}", exitCode: 2);

    private static string Size(long bytes) => bytes switch
    {
        < 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:0.0} kB"),
        < 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.0} MB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.0} GB"),
    };
}
