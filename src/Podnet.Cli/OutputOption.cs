using System.CommandLine;

namespace Podnet.Cli;

/// <summary>-o: a text for a person, or the same as data.</summary>
internal static class OutputOption
{
    internal static Option<string> Create()
    {
        var option = new Option<string>("-o", "--output") { Description = "text or json.", DefaultValueFactory = _ => "text" };
        option.AcceptOnlyFromAmong("text", "json");
        return option;
    }
}
