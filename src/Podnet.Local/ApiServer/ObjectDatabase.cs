using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Podnet.Local.ApiServer;

/// <summary>The objects on the disk. What was committed is there after a kill -9 and after a power cut; what was not is not there at all.</summary>
/// <remarks>
/// SQLite in WAL mode with synchronous=FULL: a commit is one append to the log and one fdatasync. The file is this process's alone
/// (locking_mode=EXCLUSIVE), so a second server on the same cluster is refused, and no shared memory file is needed.
/// </remarks>
internal sealed class ObjectDatabase : IDisposable
{
    /// <summary>Of the tables below; raised with a change that an older program would misread.</summary>
    private const int Format = 1;

    private readonly string _path;
    private readonly SqliteConnection _connection;
    private readonly SqliteCommand _put, _remove, _setRevision;

    private ObjectDatabase(string path, SqliteConnection connection)
    {
        (_path, _connection) = (path, connection);
        _put = Command(
            "INSERT INTO objects (resource, namespace, name, revision, json) VALUES ($resource, $namespace, $name, $revision, $json) "
            + "ON CONFLICT (resource, namespace, name) DO UPDATE SET revision = excluded.revision, json = excluded.json",
            "$resource", "$namespace", "$name", "$revision", "$json");
        _remove = Command("DELETE FROM objects WHERE resource = $resource AND namespace = $namespace AND name = $name", "$resource", "$namespace", "$name");
        _setRevision = Command("UPDATE meta SET revision = $revision", "$revision");
    }

    /// <summary>Makes the file where there is none. Mode 0600: it has Secrets in it.</summary>
    /// <exception cref="InvalidDataException">It was written by a newer Podnet, or is no such file.</exception>
    /// <exception cref="IOException">It cannot be opened; another process has it.</exception>
    public static ObjectDatabase Open(string path)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false, DefaultTimeout = 1 }.ToString());
        try
        {
            using (File.Open(path, new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
            {
            }
            connection.Open();
            Execute(connection, "PRAGMA locking_mode = EXCLUSIVE");
            Execute(connection, "PRAGMA journal_mode = WAL");
            Execute(connection, "PRAGMA synchronous = FULL");
            Prepare(connection, path);
            return new ObjectDatabase(path, connection);
        }
        catch (SqliteException e)
        {
            connection.Dispose();
            throw Translated(path, e);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>The newest revision that was committed; 1 in a new file, as etcd begins.</summary>
    public long ReadRevision()
    {
        using var command = Command("SELECT revision FROM meta");
        return (long)command.ExecuteScalar()!;
    }

    /// <summary>Every object of every resource.</summary>
    /// <param name="take">The resource's key, the revision, the JSON.</param>
    public void ReadAll(Action<string, long, byte[]> take)
    {
        using var command = Command("SELECT resource, revision, json FROM objects");
        using var rows = command.ExecuteReader();
        while (rows.Read())
            take(rows.GetString(0), rows.GetInt64(1), rows.GetFieldValue<byte[]>(2));
    }

    /// <summary>All or nothing, and on the disk when it returns.</summary>
    /// <exception cref="IOException">Nothing was changed: the disk is full, read-only or broken.</exception>
    public void Commit(IEnumerable<(ResourceDefinition Resource, WatchEvent Change)> changes, long revision)
    {
        try
        {
            using var transaction = _connection.BeginTransaction();
            foreach (var (resource, change) in changes)
                Write(transaction, resource.Key, change);
            (_setRevision.Transaction, _setRevision.Parameters[0].Value) = (transaction, revision);
            _setRevision.ExecuteNonQuery();
            transaction.Commit();
        }
        catch (SqliteException e)
        {
            throw Translated(_path, e);
        }
    }

    public void Dispose()
    {
        _put.Dispose();
        _remove.Dispose();
        _setRevision.Dispose();
        _connection.Dispose();
    }

    private void Write(SqliteTransaction transaction, string resource, WatchEvent change)
    {
        var stored = change.Object;
        var command = change.Type == WatchEventType.Deleted ? _remove : _put;
        command.Transaction = transaction;
        command.Parameters[0].Value = resource;
        command.Parameters[1].Value = stored.Name.Namespace;
        command.Parameters[2].Value = stored.Name.Name;
        if (command == _put)
        {
            command.Parameters[3].Value = stored.Revision;
            command.Parameters[4].Value = stored.Json;
        }
        command.ExecuteNonQuery();
    }

    private static void Prepare(SqliteConnection connection, string path)
    {
        using var transaction = connection.BeginTransaction();
        using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText =
            """
            CREATE TABLE IF NOT EXISTS meta (format INTEGER NOT NULL, revision INTEGER NOT NULL);
            CREATE TABLE IF NOT EXISTS objects (
                resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, json BLOB NOT NULL,
                UNIQUE (resource, namespace, name));
            SELECT format FROM meta;
            """;
        if (command.ExecuteScalar() is not long format)
        {
            command.CommandText = string.Create(CultureInfo.InvariantCulture, $"INSERT INTO meta (format, revision) VALUES ({Format}, 1)");
            command.ExecuteNonQuery();
        }
        else if (format > Format)
        {
            throw new InvalidDataException(
                $"{path} has format {format}, of a newer Podnet; this one reads up to {Format}: start the cluster with the newer one, or take it away with 'podnet down'");
        }
        transaction.Commit();
    }

    private SqliteCommand Command(string text, params ReadOnlySpan<string> parameters)
    {
        var command = _connection.CreateCommand();
        command.CommandText = text;
        foreach (var name in parameters)
            command.Parameters.Add(new SqliteParameter { ParameterName = name });
        return command;
    }

    private static void Execute(SqliteConnection connection, string text)
    {
        using var command = connection.CreateCommand();
        command.CommandText = text;
        command.ExecuteNonQuery();
    }

    /// <summary>By the result codes of sqlite.org/rescode.html.</summary>
    private static Exception Translated(string path, SqliteException e)
    {
        const int busy = 5, corrupt = 11, full = 13, notADatabase = 26;
        return e.SqliteErrorCode switch
        {
            busy => new IOException($"{path} is in use by another process", e),
            full => new IOException($"{path}: the disk is full", e),
            corrupt or notADatabase => new InvalidDataException($"{path} is damaged ({e.Message}): take the cluster away with 'podnet down'", e),
            _ => new IOException($"{path}: {e.Message}", e),
        };
    }
}
