using System.Text;

namespace Podnet.Linux.Tests;

public sealed class SmallFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("podnet-test-").FullName;

    [Fact]
    public void What_is_written_over_a_longer_content_is_all_that_is_left()
    {
        var file = $"{_folder}/last_reserved_ip.0";
        foreach (var content in (string[])["10.240.0.9", "10.240.0.10", "10.240.0.2"])
        {
            SmallFile.Overwrite(file, Encoding.ASCII.GetBytes(content));
            Assert.Equal(content, File.ReadAllText(file));
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
