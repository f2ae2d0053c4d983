using System.Text.Json.Nodes;
using Podnet.Core.Model;

namespace Podnet.Local.ApiServer;

/// <summary>What Kubernetes' admission plugin ServiceAccount gives to new pods: an account, and its token in each container.</summary>
internal sealed class PodAccountAdmission(ServiceAccountRules accounts)
{
    private const string DefaultAccount = "default";
    private const string MountPath = "/var/run/secrets/kubernetes.io/serviceaccount";

    /// <summary>Seconds; a little more than an hour, by which Kubernetes tells such a token from others of an hour.</summary>
    private const int Lifetime = 3607;

    public void Admit(JsonObject pod)
    {
        var (metadata, spec) = (pod["metadata"], pod.Child("spec"));
        if (string.IsNullOrEmpty(spec.Text("serviceAccountName")))
            spec["serviceAccountName"] = spec.Text("serviceAccount") is { Length: > 0 } old ? old : DefaultAccount;
        var account = new ObjectName(metadata.Text("namespace")!, spec.Text("serviceAccountName")!);
        var mounts = accounts.Mounts(account);
        // Every namespace has the default one, if only in a moment: nobody should have to wait for that.
        if (mounts is null && account.Name != DefaultAccount)
            throw Unknown(account, metadata.Text("name") ?? metadata.Text("generateName") ?? "");
        if (spec["automountServiceAccountToken"]?.GetValue<bool>() ?? mounts ?? true)
            AddToken(spec);
    }

    private static StatusException Unknown(ObjectName account, string pod) => new(403, "Forbidden",
        $"pods \"{pod}\" is forbidden: error looking up service account {account.Namespace}/{account.Name}: serviceaccount \"{account.Name}\" not found",
        new JsonObject { ["name"] = pod, ["kind"] = "pods" });

    private static void AddToken(JsonObject spec)
    {
        var without = spec.Items("initContainers").Concat(spec.Items("containers"))
            .Where(container => container.Items("volumeMounts").All(mount => mount.Text("mountPath") != MountPath)).ToList();
        if (without.Count == 0)
            return;
        var name = ObjectMetadata.GeneratedName("kube-api-access-");
        foreach (var container in without)
            List(container, "volumeMounts").Add((JsonNode)new JsonObject { ["name"] = name, ["readOnly"] = true, ["mountPath"] = MountPath });
        List(spec, "volumes").Add((JsonNode)new JsonObject
        {
            ["name"] = name,
            ["projected"] = new JsonObject
            {
                ["sources"] = new JsonArray(
                    new JsonObject { ["serviceAccountToken"] = new JsonObject { ["expirationSeconds"] = Lifetime, ["path"] = "token" } },
                    new JsonObject { ["configMap"] = new JsonObject { ["name"] = "kube-root-ca.crt", ["items"] = File("key", "ca.crt", "ca.crt") } },
                    new JsonObject { ["downwardAPI"] = new JsonObject { ["items"] = Namespace() } }),
            },
        });
    }

    private static JsonArray File(string source, JsonNode of, string path) => new(new JsonObject { [source] = of, ["path"] = path });

    private static JsonArray Namespace() =>
        File("fieldRef", new JsonObject { ["apiVersion"] = "v1", ["fieldPath"] = "metadata.namespace" }, "namespace");

    private static JsonArray List(JsonObject parent, string name)
    {
        if (parent[name] is not JsonArray list)
            parent[name] = list = [];
        return list;
    }
}
