using System.Formats.Tar;
using CsCheck;
using Podnet.Local.Images;
using Podnet.Testing;

namespace Podnet.Local.Tests.Images;

public class LayerPropertyTests
{
    private static readonly Gen<string> Part = Gen.OneOf("a", "b", "c", ".", "..", "", "outside", "secret", ".wh.a", ".wh.b", ".wh..wh..opq", ".wh...");

    private static readonly Gen<string> Name =
        from absolute in Gen.Bool
        from parts in Part.Array[1, 4]
        select (absolute ? "/" : "") + string.Join('/', parts);

    private static readonly Gen<(TarEntryType Type, string Name, string Target)[]> Layer =
        Gen.Select(
            Gen.OneOf(TarEntryType.RegularFile, TarEntryType.Directory, TarEntryType.SymbolicLink, TarEntryType.HardLink, TarEntryType.Fifo, TarEntryType.BlockDevice),
            Name,
            Name).Array[1, 12];

    /// <summary>Names and links of a hostile kind, in any order and in several layers.</summary>
    [Fact]
    public void Whatever_layers_say_nothing_outside_of_their_folders_changes() => Layer.Array[1, 3].Sample(
        layers =>
        {
            using var tree = new LayerTree();
            foreach (var layer in layers)
            {
                try
                {
                    tree.Add(Tar(layer));
                }
                catch (Exception e) when (e is ImageException)
                {
                    break;
                }
            }

            tree.AssertOutsideIsUntouched();
        },
        iter: 400,
        threads: 1);

    private static byte[] Tar((TarEntryType Type, string Name, string Target)[] entries) => OciImage.Tar(tar =>
    {
        foreach (var (type, name, target) in entries.Where(e => e.Name.Length > 0))
        {
            var entry = new PaxTarEntry(type, name) { Mode = OciImage.Executable };
            if (type is TarEntryType.SymbolicLink or TarEntryType.HardLink)
                entry.LinkName = target.Length == 0 ? "." : target;
            if (type is TarEntryType.RegularFile)
                entry.DataStream = new MemoryStream("evil"u8.ToArray());
            tar.WriteEntry(entry);
        }
    });
}
