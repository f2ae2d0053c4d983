namespace Podnet.Local.Tests.ApiServer;

/// <summary>Bodies of requests.</summary>
internal static class Objects
{
    public static string Pod(string name, string? node = null, string more = "") => $$$"""
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{name}}}","labels":{"app":"{{{name}}}"}{{{more}}} },
         "spec":{ {{{(node is null ? "" : $"\"nodeName\":\"{node}\",")}}} "containers":[{"name":"c","image":"nginx:1"}]}}
        """;

    public static string ConfigMap(string name, string value = "1", string metadata = "") => $$$"""
        {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{{name}}}"{{{metadata}}}},"data":{"k":"{{{value}}}"}}
        """;

    public static string Service(string name, string spec) => $$$"""
        {"apiVersion":"v1","kind":"Service","metadata":{"name":"{{{name}}}"},"spec":{{{spec}}}}
        """;

    public static string Deployment(string name) => $$$"""
        {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"{{{name}}}"},
         "spec":{"selector":{"matchLabels":{"app":"x"}},"template":{"metadata":{"labels":{"app":"x"}},
          "spec":{"containers":[{"name":"c","image":"nginx:1","ports":[{"containerPort":80}]}]}} } }
        """;
}
