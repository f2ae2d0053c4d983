using System.Globalization;
using Microsoft.Extensions.Logging;
using Podnet.Dataplane.Sysctls;

namespace Podnet.Agent.Config;

/// <summary>What is set once, at the start, and without which the agent works all the same: what cannot be set is said.</summary>
internal static class ProcessSettings
{
    /// <summary>proc_pid_oom_score_adj(5).</summary>
    private const string OomScore = "/proc/self/oom_score_adj";

    public static void Apply(AgentOptions options, ILogger logger)
    {
        if (options.OomScoreAdjust is { } score)
            Try(() => File.WriteAllText(OomScore, score.ToString(CultureInfo.InvariantCulture)));
        if (options.Conntrack.Max is { } max)
        {
            Try(() =>
            {
                foreach (var done in ConntrackMaximum.Raise(max))
                    logger.SettingApplied(done);
            });
        }

        void Try(Action set)
        {
            try
            {
                set();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                logger.SettingFailed(e.Message);
            }
        }
    }
}
