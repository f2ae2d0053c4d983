namespace Podnet.Linux.Tests;

public sealed class DescriptorStreamsTests
{
    private static readonly byte[] Input = [.. Enumerable.Range(0, 1 << 20).Select(i => (byte)(i * 7))];

    [Fact]
    public async Task Programs_that_do_not_read_their_input_hold_up_no_thread()
    {
        var pipes = Enumerable.Range(0, 100).Select(_ => Pipe.Create()).ToList();
        using var giveUp = new CancellationTokenSource();
        var writes = await Task.Run(() => pipes.ConvertAll(pipe => DescriptorStreams.WriteAsync(DescriptorStreams.NonBlocking(pipe.Write), Input, giveUp.Token).AsTask())).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.All(writes, write => Assert.False(write.IsCompleted));
        await giveUp.CancelAsync();
        Assert.All(await Task.WhenAll(writes), Assert.False);
        pipes.ForEach(pipe => pipe.Dispose());
    }

    [Fact]
    public async Task A_writer_that_waits_gets_all_of_it_to_a_late_reader_of_a_descriptor_that_somebody_made_non_blocking()
    {
        using var pipe = Pipe.Create();
        var write = Task.Run(() => DescriptorStreams.Write(DescriptorStreams.NonBlocking(pipe.Write), Input));
        await AssertAllArrivesAsync(pipe, write);
    }

    [Fact]
    public async Task A_program_that_reads_late_gets_everything()
    {
        using var pipe = Pipe.Create();
        var write = DescriptorStreams.WriteAsync(DescriptorStreams.NonBlocking(pipe.Write), Input, CancellationToken.None).AsTask();
        await AssertAllArrivesAsync(pipe, write);
    }

    [Fact]
    public async Task A_program_that_has_closed_its_input_ends_the_writing()
    {
        using var pipe = Pipe.Create();
        pipe.Read.Dispose();
        Assert.False(await DescriptorStreams.WriteAsync(DescriptorStreams.NonBlocking(pipe.Write), Input, CancellationToken.None));
    }

    /// <param name="write">Has begun to write <see cref="Input"/>, more than a pipe has room for.</param>
    private static async Task AssertAllArrivesAsync(Pipe pipe, Task<bool> write)
    {
        var read = new MemoryStream();
        var drained = DescriptorStreams.DrainAsync(pipe.Read, bytes => read.Write(bytes.Span), new TaskCompletionSource().Task);
        Assert.True(await write);
        pipe.Write.Dispose();
        await drained;
        Assert.Equal(Input, read.ToArray());
    }
}
