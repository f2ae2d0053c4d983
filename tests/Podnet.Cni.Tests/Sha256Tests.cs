using System.Security.Cryptography;
using System.Text;
using CsCheck;
using Podnet.Cni.Protocol;
using Podnet.Cni.Wiring;

namespace Podnet.Cni.Tests;

public sealed class Sha256Tests
{
    [Fact]
    public void The_hash_is_that_of_the_standard() =>
        Gen.Byte.Array[0, 300].Sample(message => Assert.Equal(SHA256.HashData(message), Sha256.Hash(message)));

    [Fact]
    public void Names_and_link_addresses_follow_from_container_and_interface_alone()
    {
        // printf c1/eth0 | sha256sum
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("c1/eth0")));
        var request = new Request(CniCommand.Add, "c1", "eth0", "/a", new CniArguments("default/nginx-0", null, null));
        var attachment = Attachment.Of(request);
        Assert.Equal($"pn{hash[..10]}", attachment.HostInterface);
        Assert.Equal(attachment with { Alias = "c1" }, Attachment.Of(request with { NetnsPath = null, Arguments = CniArguments.None }));
        Assert.NotEqual(attachment.HostMac, attachment.PodMac);
        Assert.NotEqual(attachment.HostInterface, Attachment.Of(request with { InterfaceName = "eth1" }).HostInterface);
        Gen.String[Gen.Char.AlphaNumeric, 1, 64].Sample(id =>
        {
            var other = Attachment.Of(request with { ContainerId = id });
            Assert.Equal(0x02UL, (other.HostMac.Value >> 40) & 0x03);
            Assert.Equal(0x02UL, (other.PodMac.Value >> 40) & 0x03);
        });
    }
}
