using System.Net;
using System.Net.Sockets;

namespace Podnet.Testing;

public static class TestSocket
{
    /// <summary>Binds it, to an address and port that a socket closed just now may have had.</summary>
    /// <remarks>
    /// A process that another test starts has every descriptor of this one until its exec: what was closed here may still be open, and
    /// listen, there, and its port is not free before it does not.
    /// </remarks>
    public static void BindAgain(this Socket socket, IPEndPoint point) => Poll.Until(() => IsBound(socket, point), () => $"{point} is still in use");

    private static bool IsBound(Socket socket, IPEndPoint point)
    {
        try
        {
            socket.Bind(point);
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            return false;
        }
    }
}
