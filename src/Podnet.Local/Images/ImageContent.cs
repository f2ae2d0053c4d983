using System.Formats.Tar;
using Microsoft.Win32.SafeHandles;

namespace Podnet.Local.Images;

/// <summary>The files that an image is handed over in: a folder, or a tar archive of one. What it says is not believed yet.</summary>
internal abstract class ImageContent : IDisposable
{
    /// <summary>Files of an archive at most. Arbitrary: an image has some three for each layer.</summary>
    private const int MostFiles = 100_000;

    public static ImageContent OfFolder(string folder) => new Folder(folder);

    /// <param name="file">A tar file, not compressed, which stays open and as it is.</param>
    /// <param name="source">For errors: where it comes from.</param>
    /// <exception cref="ImageException"/>
    public static ImageContent OfArchive(string file, string source) => new Archive(file, source);

    /// <summary>What the reader of a tar or gzip file throws at one that is none; it makes room for a header of any size before it looks for it.</summary>
    public static bool IsDamage(Exception e) =>
        e is InvalidDataException or EndOfStreamException or FormatException or ArgumentException or OverflowException or InvalidOperationException or OutOfMemoryException;

    /// <summary>Null if there is no such file.</summary>
    /// <param name="name">"index.json", "blobs/sha256/…".</param>
    public abstract Stream? TryOpen(string name);

    /// <exception cref="ImageException">There is no such file.</exception>
    public Stream Open(string name, string what) => TryOpen(name) ?? throw new ImageException($"{what} is missing: there is no {name}");

    /// <summary>Null if there is no such file.</summary>
    /// <exception cref="ImageException">It is too long for what it is.</exception>
    public byte[]? TryReadDocument(string name, string what)
    {
        using var opened = TryOpen(name);
        if (opened is null)
            return null;
        using var stream = new MeasuredStream(opened, ImageLimits.DocumentBytes, () => $"{what} has more than {ImageLimits.DocumentBytes} bytes");
        using var content = new MemoryStream();
        stream.CopyTo(content);
        return content.ToArray();
    }

    /// <inheritdoc cref="TryReadDocument"/>
    public byte[] ReadDocument(string name, string what) => TryReadDocument(name, what) ?? throw new ImageException($"{what} is missing: there is no {name}");

    public virtual void Dispose()
    {
    }

    private sealed class Folder(string folder) : ImageContent
    {
        public override Stream? TryOpen(string name)
        {
            var path = Path.Combine(folder, name);
            return !Path.IsPathRooted(name) && !name.Split('/').Contains("..") && File.Exists(path) ? File.OpenRead(path) : null;
        }
    }

    /// <summary>Where in the archive each file is; nothing of it is unpacked.</summary>
    private sealed class Archive : ImageContent
    {
        private readonly SafeFileHandle _file;
        private readonly Dictionary<string, (long Offset, long Length)> _files = new(StringComparer.Ordinal);

        /// <summary>docker save writes a layer that is there twice as a link.</summary>
        private readonly Dictionary<string, string> _links = new(StringComparer.Ordinal);

        public Archive(string file, string source)
        {
            _file = File.OpenHandle(file);
            try
            {
                using var stream = new FileStream(file, FileMode.Open, FileAccess.Read);
                using var reader = new TarReader(stream);
                while (reader.GetNextEntry() is { } entry)
                {
                    if (_files.Count + _links.Count == MostFiles)
                        throw new ImageException($"{source} has more than {MostFiles} files");
                    Add(entry);
                }
            }
            catch (Exception e) when (IsDamage(e))
            {
                Dispose();
                throw new ImageException($"{source} is no image archive: {e.Message}", e);
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public override Stream? TryOpen(string name)
        {
            const int longestChain = 8; // arbitrary: links to links are not written by anybody
            for (var i = 0; i < longestChain && _links.TryGetValue(name, out var target); i++)
                name = target;
            return _files.TryGetValue(name, out var part) ? new PartStream(_file, part.Offset, part.Length) : null;
        }

        public override void Dispose() => _file.Dispose();

        private void Add(TarEntry entry)
        {
            var name = Normal(entry.Name);
            if (entry.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile)
                _files[name] = (entry.DataOffset, entry.Length);
            else if (entry.EntryType is TarEntryType.SymbolicLink)
                _links[name] = Normal(Path.Combine(Path.GetDirectoryName(name) ?? "", entry.LinkName));
            else if (entry.EntryType is TarEntryType.HardLink)
                _links[name] = Normal(entry.LinkName);
        }

        /// <summary>"./a/../b" → "b": only ever compared.</summary>
        private static string Normal(string name)
        {
            var parts = new List<string>();
            foreach (var part in name.Split('/').Where(p => p is not ("" or ".")))
            {
                if (part != "..")
                    parts.Add(part);
                else if (parts.Count > 0)
                    parts.RemoveAt(parts.Count - 1);
            }

            return string.Join('/', parts);
        }
    }

    /// <summary>A part of a file.</summary>
    private sealed class PartStream(SafeFileHandle file, long offset, long length) : Stream
    {
        private long _at;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => length;

        public override long Position
        {
            get => _at;
            set => throw new NotSupportedException();
        }

        public override int Read(Span<byte> buffer)
        {
            var count = RandomAccess.Read(file, buffer[..(int)Math.Min(buffer.Length, length - _at)], offset + _at);
            _at += count;
            return count;
        }

        public override int Read(byte[] buffer, int bufferOffset, int count) => Read(buffer.AsSpan(bufferOffset, count));

        public override void Flush()
        {
        }

        public override long Seek(long to, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int bufferOffset, int count) => throw new NotSupportedException();
    }
}
