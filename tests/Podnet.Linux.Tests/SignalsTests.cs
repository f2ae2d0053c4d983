namespace Podnet.Linux.Tests;

public class SignalsTests
{
    [Theory]
    [InlineData("SIGTERM", 15)]
    [InlineData("quit", 3)]
    [InlineData("SIGSYS", 31)]
    [InlineData("9", 9)]
    [InlineData("SIGRTMIN+3", 37)]
    [InlineData("RTMIN", 34)]
    [InlineData("0", null)]
    [InlineData("65", null)]
    [InlineData("SIGRTMIN+99", null)]
    [InlineData("SIGNONE", null)]
    [InlineData("", null)]
    public void A_signal_is_known_by_its_name_or_number(string text, int? number) => Assert.Equal(number, Signals.Parse(text));
}
