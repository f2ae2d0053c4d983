using System.Text;

namespace Podnet.EndToEnd.Tests;

/// <summary>What somebody types on a first afternoon comes out as it does on any cluster.</summary>
public sealed class KubectlSessionTests
{
    /// <summary>Where tools/need-old-kubectl puts Debian 12's kubernetes-client.</summary>
    private const string OldKubectl = "/var/cache/podnet-tests/kubernetes-client/usr/bin/kubectl";

    [Fact]
    public void The_kubectl_of_this_machine_shows_what_the_session_says()
    {
        using var cluster = new LocalCluster("e2e-kubectl");
        var session = new KubectlSession(cluster.Paths.Kubeconfig, "kubectl");
        if (Environment.GetEnvironmentVariable("KUBECTL_SESSION") == "write")
            KubectlSession.Write([.. KubectlSession.Read().Select(step => step with { Expected = session.Run(step.Command) })]);
        else
            AssertSame(KubectlSession.Read(), session);
    }

    [Fact]
    public void The_kubectl_of_Debian_12_shows_the_same()
    {
        Assert.True(File.Exists(OldKubectl), $"{OldKubectl} is not there: run 'make need-test'");
        using var cluster = new LocalCluster("e2e-kubectl-old");
        AssertSame(KubectlSession.Read().Where(step => !step.NeedsNew), new KubectlSession(cluster.Paths.Kubeconfig, OldKubectl));
    }

    /// <summary>All that differs, not only the first.</summary>
    private static void AssertSame(IEnumerable<KubectlSession.Step> steps, KubectlSession session)
    {
        var (count, wrong) = (0, new StringBuilder());
        foreach (var step in steps)
        {
            count++;
            var shown = session.Run(step.Command);
            if (shown != step.Expected)
                wrong.Append($"$ {step.Command}\n--- expected\n{step.Expected}\n--- shown\n{shown}\n\n");
        }
        Assert.True(wrong.Length == 0, wrong.ToString());
        Assert.True(count >= 80, $"only {count} commands");
    }
}
