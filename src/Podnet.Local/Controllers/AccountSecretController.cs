using System.Text;
using k8s.Models;
using Podnet.Core.Model;
using Podnet.Local.ApiServer;

namespace Podnet.Local.Controllers;

/// <summary>
/// Fills Secrets of type kubernetes.io/service-account-token, for those who want a token that never ends
/// (pkg/controller/serviceaccount/tokens_controller.go).
/// </summary>
internal sealed class AccountSecretController : IController
{
    /// <summary>Seconds, the longest that there is: 136 years. The token ends with the Secret.</summary>
    private const long ForEver = 1L << 32;

    private readonly ControllerContext _context;
    private readonly string _authorityPem;
    private readonly WorkQueue<ObjectName> _queue;

    public AccountSecretController(ControllerContext context, string authorityPem)
    {
        (_context, _authorityPem) = (context, authorityPem);
        _queue = context.NewQueue<ObjectName>("AccountSecret", ReconcileAsync);
        context.Secrets.Changed += (_, now) => Add(now);
        context.ServiceAccounts.Changed += (before, now) =>
        {
            foreach (var secret in context.Secrets.InNamespace((now ?? before)!.Metadata.NamespaceProperty)) Add(secret);
        };
    }

    public Task RunAsync(CancellationToken ct) => _queue.RunAsync(ct);

    private void Add(V1Secret? secret)
    {
        if (secret is { Type: SecretRules.AccountToken }) _queue.Add(ControllerContext.NameOf(secret));
    }

    private async Task<TimeSpan?> ReconcileAsync(ObjectName name, CancellationToken ct)
    {
        if (_context.Secrets.Get(name.Namespace, name.Name) is not { Metadata.DeletionTimestamp: null } secret) return null;
        var account = _context.ServiceAccounts.Get(name.Namespace, secret.Metadata.Annotations?[SecretRules.AccountName] ?? "");
        const string uid = "kubernetes.io/service-account.uid";
        if (account is null || (secret.Data?.ContainsKey("token") == true && secret.Metadata.Annotations![uid] == account.Metadata.Uid)) return null;
        var spec = new V1TokenRequestSpec
        {
            Audiences = [],
            ExpirationSeconds = ForEver,
            BoundObjectRef = new V1BoundObjectReference { ApiVersion = "v1", Kind = "Secret", Name = name.Name, Uid = secret.Metadata.Uid },
        };
        var token = (await _context.Client.CreateTokenAsync(name.Namespace, account.Metadata.Name, spec, ct)).Token;
        var filled = secret.Clone();
        filled.Metadata.Annotations![uid] = account.Metadata.Uid;
        filled.Data ??= new Dictionary<string, byte[]>();
        (filled.Data["token"], filled.Data["ca.crt"], filled.Data["namespace"]) =
            (Encoding.ASCII.GetBytes(token), Encoding.ASCII.GetBytes(_authorityPem), Encoding.UTF8.GetBytes(name.Namespace));
        await _context.Secrets.UpdateAsync(filled, ct);
        return null;
    }
}
