using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Podnet.Local.ApiServer;

namespace Podnet.Local.Kubelet;

/// <summary>Reads what one run of a container has printed; see <see cref="LogKeeper"/> for the files.</summary>
/// <param name="isWritten">Whether more may come.</param>
internal sealed class ContainerLog(string path, LogOptions options, Func<bool> isWritten)
{
    private const int BlockSize = 64 * 1024; // bytes, arbitrary

    private readonly List<(long End, DateTime Time)> _times = [];
    private readonly byte[] _block = new byte[BlockSize];
    private long _left = options.LimitBytes ?? long.MaxValue;
    private bool _atLineStart = true;

    /// <summary>Writes it, each block at once; with Follow until nobody writes any more.</summary>
    /// <exception cref="FileNotFoundException"/>
    public async Task CopyToAsync(Stream output, CancellationToken ct)
    {
        await using var log = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        var at = await StartAsync(log, ct);
        await output.FlushAsync(ct); // the headers
        while (_left > 0)
        {
            var more = options.Follow && isWritten();
            at = Math.Max(at, LogKeeper.FirstOffset(log.Length)); // what was punched out meanwhile reads as zeros
            log.Position = at;
            var read = await log.ReadAsync(_block, ct);
            if (read > 0)
            {
                await WriteAsync(_block.AsMemory(0, read), at, output, ct);
                await output.FlushAsync(ct);
                at += read;
            }
            else if (more)
            {
                await Task.Delay(LogKeeper.Period, ct);
            }
            else
            {
                return;
            }
        }
    }

    /// <summary>The offset of the first line that is asked for.</summary>
    private async Task<long> StartAsync(FileStream log, CancellationToken ct)
    {
        var length = log.Length;
        var start = LogKeeper.FirstOffset(length);
        if (options.Since is { } since)
        {
            ReadTimes();
            var earlier = _times.FindLast(t => t.Time < since.UtcDateTime);
            start = Math.Max(start, earlier.End);
        }

        if (start > 0 && start < length)
            start = await AfterNewlineAsync(log, start - 1, ct);
        return options.TailLines is { } lines ? Math.Max(start, await LastLinesAsync(log, length, start, lines, ct)) : start;
    }

    private async Task<long> AfterNewlineAsync(FileStream log, long from, CancellationToken ct)
    {
        for (log.Position = from; await log.ReadAsync(_block, ct) is var read && read > 0;)
        {
            if (_block.AsSpan(0, read).IndexOf((byte)'\n') is var found and >= 0)
                return log.Position - read + found + 1;
        }

        return log.Length;
    }

    /// <summary>Where the last lines begin; the last may have no newline yet.</summary>
    private async Task<long> LastLinesAsync(FileStream log, long end, long first, long lines, CancellationToken ct)
    {
        if (lines <= 0)
            return end;
        var missing = lines;
        for (var to = end; to > first;)
        {
            var from = Math.Max(first, to - BlockSize);
            log.Position = from;
            var read = await log.ReadAtLeastAsync(_block.AsMemory(0, (int)(to - from)), (int)(to - from), throwOnEndOfStream: false, ct);
            for (var i = read - 1; i >= 0; i--)
            {
                if (_block[i] == '\n' && from + i != end - 1 && --missing == 0)
                    return from + i + 1;
            }

            to = from;
        }

        return first;
    }

    private async Task WriteAsync(ReadOnlyMemory<byte> text, long at, Stream output, CancellationToken ct)
    {
        if (!options.Timestamps)
        {
            await WriteAsync(text, output, ct);
            return;
        }

        while (text.Length > 0)
        {
            if (_atLineStart)
                await WriteAsync(Encoding.ASCII.GetBytes(TimeOf(at).ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'00Z '", CultureInfo.InvariantCulture)), output, ct);
            var newline = text.Span.IndexOf((byte)'\n');
            _atLineStart = newline >= 0;
            var line = newline >= 0 ? text[..(newline + 1)] : text;
            await WriteAsync(line, output, ct);
            text = text[line.Length..];
            at += line.Length;
        }
    }

    private async ValueTask WriteAsync(ReadOnlyMemory<byte> text, Stream output, CancellationToken ct)
    {
        var wanted = text[..(int)Math.Min(text.Length, _left)];
        _left -= wanted.Length;
        await output.WriteAsync(wanted, ct);
    }

    /// <summary>When the file was first seen to reach beyond this offset; now, where that has not been yet.</summary>
    private DateTime TimeOf(long offset)
    {
        if (_times.Count == 0 || _times[^1].End <= offset)
            ReadTimes();
        var index = _times.BinarySearch((offset, DateTime.MaxValue));
        index = index < 0 ? ~index : index;
        return index < _times.Count ? _times[index].Time : DateTime.UtcNow;
    }

    private void ReadTimes()
    {
        var file = LogKeeper.TimesOf(path);
        if (!File.Exists(file))
            return;
        using var times = File.OpenHandle(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        Span<byte> record = stackalloc byte[LogKeeper.RecordSize];
        while (RandomAccess.Read(times, record, (long)_times.Count * LogKeeper.RecordSize) == record.Length)
            _times.Add((BinaryPrimitives.ReadInt64LittleEndian(record), new DateTime(BinaryPrimitives.ReadInt64LittleEndian(record[8..]), DateTimeKind.Utc)));
    }
}
