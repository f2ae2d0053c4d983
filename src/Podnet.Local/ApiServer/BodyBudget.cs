using Microsoft.AspNetCore.Http;

namespace Podnet.Local.ApiServer;

/// <summary>
/// What the large bodies of all requests together may take of memory: so much while they come in, and then so many at a time are
/// made into objects, which are many times as large. Small ones are never held up.
/// </summary>
internal static class BodyBudget
{
    /// <summary>Bytes; arbitrary.</summary>
    private const long Large = 64 * 1024, Total = 64 * 1024 * 1024;

    /// <summary>Large bodies at a time; arbitrary.</summary>
    private static readonly SemaphoreSlim Turns = new(2);

    private static long _held;

    /// <summary>One request's share, which it gives back when its answer begins, at the latest when it ends.</summary>
    public sealed class Share(HttpResponse answer)
    {
        private long _mine;
        private bool _hasTurn;
        private int _over;

        /// <param name="length">Bytes of the body that have come by now.</param>
        /// <exception cref="StatusException">429: others have it all.</exception>
        public void Grow(long length)
        {
            var more = Math.Max(0, length - Large) - _mine;
            if (more <= 0)
                return;
            if (_mine == 0)
            {
                answer.OnStarting(EndAsync);
                answer.OnCompleted(EndAsync);
            }
            _mine += more;
            if (Interlocked.Add(ref _held, more) > Total)
                throw StatusException.TooManyRequests();
        }

        /// <summary>Waits until it may be read.</summary>
        public async Task TakeTurnAsync(CancellationToken cancel)
        {
            if (_mine == 0)
                return;
            await Turns.WaitAsync(cancel);
            _hasTurn = true;
        }

        private Task EndAsync()
        {
            if (Interlocked.Exchange(ref _over, 1) != 0)
                return Task.CompletedTask;
            Interlocked.Add(ref _held, -_mine);
            if (_hasTurn)
                Turns.Release();
            return Task.CompletedTask;
        }
    }
}
