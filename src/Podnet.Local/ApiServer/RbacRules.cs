using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

/// <summary>Roles and ClusterRoles: kept for whoever applies and reads them; nobody is refused anything.</summary>
internal class RoleRules : ResourceRules
{
    /// <summary>apimachinery pkg/api/validation/path: whatever can stand in a path, as "system:node".</summary>
    public override string? NameError(string name) =>
        name is "." or ".." ? $"may not be '{name}'" : name.AsSpan().ContainsAny('/', '%') ? "may not contain '/' or '%'" : null;
}

/// <summary>RoleBindings and ClusterRoleBindings.</summary>
internal sealed class RoleBindingRules : RoleRules
{
    private const string Group = "rbac.authorization.k8s.io";

    public override void Default(JsonObject written)
    {
        if (written["roleRef"] is JsonObject role && string.IsNullOrEmpty(role.Text("apiGroup")))
            role["apiGroup"] = Group;
        foreach (var subject in written.Items("subjects").Where(s => s.Text("kind") is "User" or "Group" && string.IsNullOrEmpty(s.Text("apiGroup"))))
            subject["apiGroup"] = Group;
    }

    public override void Validate(JsonObject written, JsonObject? before, ICollection<FieldError> errors)
    {
        if (written.Text("roleRef", "kind") is not ("ClusterRole" or "Role") and var kind)
            errors.Add(FieldError.Unsupported("roleRef.kind", kind ?? "", "ClusterRole", "Role"));
        if (string.IsNullOrEmpty(written.Text("roleRef", "name")))
            errors.Add(FieldError.Required("roleRef.name"));
        if (before is not null && !JsonNode.DeepEquals(written["roleRef"], before["roleRef"]))
            errors.Add(FieldError.Invalid("roleRef", written["roleRef"]?.DeepClone(), "cannot change roleRef"));
        var index = 0;
        foreach (var subject in written.Items("subjects"))
        {
            var at = $"subjects[{index++}]";
            if (string.IsNullOrEmpty(subject.Text("name")))
                errors.Add(FieldError.Required($"{at}.name"));
            var of = subject.Text("kind");
            if (of is not ("ServiceAccount" or "User" or "Group"))
                errors.Add(FieldError.Unsupported($"{at}.kind", of ?? "", "ServiceAccount", "User", "Group"));
            else if (of == "ServiceAccount" && string.IsNullOrEmpty(subject.Text("namespace")))
                errors.Add(FieldError.Required($"{at}.namespace"));
        }
    }
}
