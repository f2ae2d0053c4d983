using System.Buffers.Binary;
using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using Podnet.Linux;

namespace Podnet.Local.Kubelet;

/// <summary>
/// Looks after the files that containers write their output to by themselves: notes down when it came, and keeps a file from
/// growing beyond all bounds.
/// </summary>
/// <remarks>
/// Beside N.log lies N.log.times: a record whenever the file was seen to have grown, its new length in bytes and the time in
/// ticks (100 ns since year 1, UTC), two little-endian 64-bit numbers. What is too old is punched out of the log
/// (fallocate(2)): offsets never change, so nobody who reads or writes it notices, and not a line is lost in between.
/// </remarks>
internal sealed class LogKeeper(ILogger logger)
{
    /// <summary>So much of each file is kept at least, in bytes: the kubelet's containerLogMaxSize.</summary>
    public const long Kept = 10 << 20;

    public const int RecordSize = 16;

    /// <summary>Bytes that may be in excess before they are taken away. Arbitrary.</summary>
    private const long Slack = 1 << 20;

    /// <summary>How exact the times are. Arbitrary.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentDictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    public static string TimesOf(string log) => log + ".times";

    /// <summary>Where what was kept begins, in bytes; on a block of the file system.</summary>
    public static long FirstOffset(long length) => length <= Kept + Slack ? 0 : (length - Kept) & ~4095L;

    public void Add(string log) => _entries[log] = new Entry(log);

    /// <summary>Nobody writes it any more.</summary>
    public void Remove(string log)
    {
        if (_entries.TryRemove(log, out var entry))
        {
            Look(entry);
            entry.Dispose();
        }
    }

    public void Failed(string log, IOException error) => logger.LogNotKept(log, error.Message);

    public bool IsWritten(string log) => _entries.ContainsKey(log);

    public async Task RunAsync(CancellationToken ct)
    {
        using var period = new PeriodicTimer(Period);
        while (await period.WaitForNextTickAsync(ct))
        {
            foreach (var entry in _entries.Values)
                Look(entry);
        }
    }

    private void Look(Entry entry)
    {
        lock (entry)
        {
            try
            {
                entry.Look();
            }
            catch (IOException e)
            {
                Failed(entry.Path, e);
            }
        }
    }

    private sealed class Entry(string path) : IDisposable
    {
        private readonly SafeFileHandle _log = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        private long _seen;
        private long _punched;
        private bool _closed;

        public string Path => path;

        public void Look()
        {
            if (_closed || RandomAccess.GetLength(_log) is var length && length <= _seen)
                return;
            Span<byte> record = stackalloc byte[RecordSize];
            BinaryPrimitives.WriteInt64LittleEndian(record, length);
            BinaryPrimitives.WriteInt64LittleEndian(record[8..], DateTime.UtcNow.Ticks);
            using var times = File.OpenHandle(TimesOf(path), FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
            RandomAccess.Write(times, record, RandomAccess.GetLength(times));
            _seen = length;
            if (FirstOffset(length) is var first && first < _punched + Slack)
                return;
            using var file = FileHandle.OpenAppend(path);
            file.PunchHole(_punched, first - _punched);
            _punched = first;
        }

        public void Dispose()
        {
            lock (this)
            {
                _closed = true;
                _log.Dispose();
            }
        }
    }
}
