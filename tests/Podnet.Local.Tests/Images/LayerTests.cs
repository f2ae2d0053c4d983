using System.Formats.Tar;
using Podnet.Linux;
using Podnet.Local.Images;
using Podnet.Testing;

namespace Podnet.Local.Tests.Images;

public sealed class LayerTests : IDisposable
{
    private readonly LayerTree _tree = new();

    public void Dispose() => _tree.Dispose();

    [Fact]
    public void Files_keep_what_they_are()
    {
        var time = new DateTimeOffset(2001, 2, 3, 4, 5, 6, TimeSpan.Zero);
        _tree.Add(OciImage.Tar(tar =>
        {
            tar.WriteEntry(new PaxTarEntry(TarEntryType.Directory, "home/") { Mode = (UnixFileMode)0b111_000_000, Uid = 7, Gid = 8, ModificationTime = time });
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "home/su") { Mode = (UnixFileMode)0b100_111_101_101, Uid = 5, Gid = 6, ModificationTime = time, DataStream = new MemoryStream("program"u8.ToArray()) });
            tar.WriteEntry(new PaxTarEntry(TarEntryType.HardLink, "home/same") { LinkName = "home/su" });
            tar.WriteEntry(new PaxTarEntry(TarEntryType.SymbolicLink, "home/link") { LinkName = "/etc/passwd", Uid = 9, Gid = 9, ModificationTime = time });
            tar.WriteEntry(new PaxTarEntry(TarEntryType.Fifo, "home/pipe") { Mode = OciImage.Readable });
        }));
        var stat = (string name) => Tool.Run("stat", "-c", "%A %u:%g %h %Y", $"{_tree.Top}/home/{name}").TrimEnd();
        Assert.Equal($"-rwsr-xr-x 5:6 2 {time.ToUnixTimeSeconds()}", stat("su"));
        Assert.Equal(stat("su"), stat("same"));
        Assert.Equal("program", File.ReadAllText($"{_tree.Top}/home/same"));
        Assert.Equal($"lrwxrwxrwx 9:9 1 {time.ToUnixTimeSeconds()}", stat("link"));
        Assert.Equal("/etc/passwd", new FileInfo($"{_tree.Top}/home/link").LinkTarget);
        Assert.StartsWith("prw-r--r-- 0:0", stat("pipe"));
        Assert.Equal($"drwx------ 7:8 2 {time.ToUnixTimeSeconds()}", stat("."));
    }

    [Fact]
    public void File_capabilities_are_kept_where_a_real_tar_file_has_them()
    {
        Directory.CreateDirectory($"{_tree.Outside}/../source");
        var program = $"{_tree.Outside}/../source/ping";
        File.WriteAllText(program, "");
        FileNode.SetCapabilities(program, [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]); // cap_net_raw+ep
        var archive = $"{_tree.Outside}/../ping.tar";
        Tool.Run("tar", "--xattrs", "--xattrs-include=*", "--format=pax", "-C", Path.GetDirectoryName(program)!, "-cf", archive, "ping");
        _tree.Add(File.ReadAllBytes(archive));
        Assert.Contains("cap_net_raw=ep", Tool.Run("getcap", $"{_tree.Merged()}/ping"));
    }

    [Theory]
    [InlineData("../evil")]
    [InlineData("a/../../evil")]
    [InlineData("/../evil")]
    [InlineData(".wh...")]
    [InlineData("a/.wh..")]
    [InlineData(".wh.")]
    public void A_name_that_leads_out_is_refused(string name)
    {
        var tar = OciImage.Tar(writer => OciImage.AddText(writer, name, "evil"));
        Assert.Throws<ImageException>(() => _tree.Add(tar));
        _tree.AssertOutsideIsUntouched();
    }

    [Theory]
    [InlineData("../outside")]
    [InlineData("../../../../../../../tmp")]
    [InlineData("/tmp")]
    public void What_is_written_through_a_link_stays_in_the_image(string target)
    {
        _tree.Add(OciImage.Tar(tar =>
        {
            tar.WriteEntry(new PaxTarEntry(TarEntryType.SymbolicLink, "a") { LinkName = target });
            OciImage.AddText(tar, "a/secret", "evil");
        }));
        Assert.Equal("evil", File.ReadAllText($"{_tree.Top}/{Path.GetFileName(target)}/secret"));
        _tree.AssertOutsideIsUntouched();
        Assert.False(File.Exists("/tmp/secret"));
    }

    [Theory]
    [InlineData("../outside/secret", "out of the image")]
    [InlineData("/etc/passwd", "no file of this layer")]
    [InlineData("link/secret", "no file of this layer")]
    [InlineData("link", null)]
    public void A_hard_link_is_to_a_file_of_the_layer_or_to_none(string target, string? fault)
    {
        var tar = OciImage.Tar(writer =>
        {
            writer.WriteEntry(new PaxTarEntry(TarEntryType.SymbolicLink, "link") { LinkName = "../outside" });
            writer.WriteEntry(new PaxTarEntry(TarEntryType.HardLink, "stolen") { LinkName = target });
        });
        if (fault is not null)
            Assert.Contains(fault, Assert.Throws<ImageException>(() => _tree.Add(tar)).Message);
        else
            Assert.Equal("../outside", new FileInfo($"{_tree.Add(tar).Top}/stolen").LinkTarget);
        _tree.AssertOutsideIsUntouched();
    }

    [Fact]
    public void A_link_of_an_earlier_layer_leads_where_it_leads_a_program()
    {
        _tree.Add(OciImage.Tar(tar =>
        {
            OciImage.AddText(tar, "usr/bin/old", "");
            tar.WriteEntry(new PaxTarEntry(TarEntryType.SymbolicLink, "bin") { LinkName = "usr/bin" });
        }));
        _tree.Add(OciImage.Tar(tar => OciImage.AddText(tar, "bin/tool", "")));
        Assert.Equal(["bin", "usr", "usr/bin", "usr/bin/old", "usr/bin/tool"], _tree.Names());
        Assert.Equal("usr/bin", new FileInfo($"{_tree.Merged()}/bin").LinkTarget);
    }

    [Fact]
    public void Links_in_a_circle_are_an_error()
    {
        var tar = OciImage.Tar(writer =>
        {
            writer.WriteEntry(new PaxTarEntry(TarEntryType.SymbolicLink, "a") { LinkName = "b" });
            writer.WriteEntry(new PaxTarEntry(TarEntryType.SymbolicLink, "b") { LinkName = "a" });
            OciImage.AddText(writer, "a/file", "");
        });
        Assert.Contains("more than 40 links", Assert.Throws<ImageException>(() => _tree.Add(tar)).Message);
    }

    [Fact]
    public void Whiteouts_hide_what_is_below_and_leave_no_trace_of_themselves()
    {
        _tree.Add(OciImage.Tar(tar =>
        {
            foreach (var name in new[] { "etc/gone", "etc/stays", "full/one", "full/two", "tree/deep/file", "anew/old", "usr/lib/x" })
                OciImage.AddText(tar, name, "below");
            tar.WriteEntry(new PaxTarEntry(TarEntryType.SymbolicLink, "lib") { LinkName = "usr/lib" });
        }));
        _tree.Add(OciImage.Tar(tar =>
        {
            OciImage.AddText(tar, "etc/.wh.gone", "");
            OciImage.AddText(tar, "etc/.wh.never", "");
            OciImage.AddText(tar, "full/three", "here");
            OciImage.AddText(tar, "full/.wh..wh..opq", "");
            OciImage.AddText(tar, ".wh.tree", "");
            OciImage.AddText(tar, "new/.wh.nothing", "");
            OciImage.AddText(tar, "etc/both", "here");
            OciImage.AddText(tar, "etc/.wh.both", "");
            OciImage.AddText(tar, "anew/new", "here");
            OciImage.AddText(tar, ".wh.anew", "");
            OciImage.AddText(tar, "lib/.wh.x", "");
            OciImage.AddText(tar, ".wh..wh.plnk", "");
        }));
        Assert.Equal(["anew", "anew/new", "etc", "etc/both", "etc/stays", "full", "full/three", "lib", "new", "usr", "usr/lib"], _tree.Names());
        // What the third layer puts where the second hid something is not mixed with what the first had there.
        _tree.Add(OciImage.Tar(tar => OciImage.AddText(tar, "tree/deep/other", "")));
        Assert.Equal(["other"], Directory.GetFiles($"{_tree.Top}/tree/deep").Select(Path.GetFileName));
    }

    [Fact]
    public void A_folder_that_no_entry_describes_is_as_it_was_below()
    {
        _tree.Add(OciImage.Tar(tar =>
        {
            tar.WriteEntry(new PaxTarEntry(TarEntryType.Directory, "./") { Mode = (UnixFileMode)0b111_101_000, Uid = 1 });
            tar.WriteEntry(new PaxTarEntry(TarEntryType.Directory, "tmp") { Mode = (UnixFileMode)0b001_111_111_111, Uid = 2, Gid = 3 });
        }));
        _tree.Add(OciImage.Tar(tar => OciImage.AddText(tar, "tmp/file", "")));
        Assert.Equal("drwxrwxrwt 2:3\n", Tool.Run("stat", "-c", "%A %u:%g", $"{_tree.Merged()}/tmp"));
        Assert.Equal("drwxr-x--- 1:0\n", Tool.Run("stat", "-c", "%A %u:%g", _tree.Top));
    }

    [Fact]
    public void The_last_entry_of_a_name_wins_and_devices_are_left_out()
    {
        _tree.Add(OciImage.Tar(tar =>
        {
            OciImage.AddText(tar, "a/b/c", "");
            OciImage.AddText(tar, "a", "a file now");
            OciImage.AddText(tar, "d", "");
            OciImage.AddText(tar, "d", "second");
            tar.WriteEntry(new PaxTarEntry(TarEntryType.Directory, "dev"));
            tar.WriteEntry(new PaxTarEntry(TarEntryType.BlockDevice, "dev/disk") { DeviceMajor = 8 });
            tar.WriteEntry(new PaxTarEntry(TarEntryType.CharacterDevice, "dev/whiteout"));
        }));
        Assert.Equal(["a", "d", "dev"], _tree.Names());
        Assert.Equal("a file now", File.ReadAllText($"{_tree.Top}/a"));
        Assert.Equal("second", File.ReadAllText($"{_tree.Top}/d"));
    }

    [Fact]
    public void No_attribute_of_overlayfs_is_taken_from_an_image()
    {
        _tree.Add(OciImage.Tar(tar => tar.WriteEntry(
            new PaxTarEntry(TarEntryType.Directory, "a", new Dictionary<string, string> { ["SCHILY.xattr.trusted.overlay.redirect"] = "/etc", ["SCHILY.xattr.trusted.overlay.opaque"] = "y" }))));
        Assert.False(Mounts.IsOpaque($"{_tree.Top}/a"));
    }

    [Fact]
    public void An_image_has_no_more_entries_than_it_may_and_no_path_is_too_long()
    {
        var tar = OciImage.Tar(writer =>
        {
            for (var i = 0; i < 20; i++)
                OciImage.AddText(writer, $"{i}", "");
        });
        Assert.Contains("more files than an image may have", Assert.Throws<ImageException>(() => _tree.Add(tar, entries: 10)).Message);

        // Each name is short; the links make a path of them that nobody could remove by its name.
        var part = string.Join('/', Enumerable.Repeat(new string('d', 200), 9));
        var deep = OciImage.Tar(writer =>
        {
            writer.WriteEntry(new PaxTarEntry(TarEntryType.Directory, part));
            writer.WriteEntry(new PaxTarEntry(TarEntryType.SymbolicLink, "in") { LinkName = part });
            writer.WriteEntry(new PaxTarEntry(TarEntryType.Directory, $"in/{part}"));
        });
        Assert.Contains("longer than 2048 bytes", Assert.Throws<ImageException>(() => _tree.Add(deep)).Message);
    }
}
