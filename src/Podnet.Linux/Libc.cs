using System.Runtime.InteropServices;

namespace Podnet.Linux;

/// <summary>libc under its own names. Every other file of the product calls these through the types beside this one.</summary>
internal static unsafe partial class Libc
{
    private const string Library = "libc";

    // <fcntl.h>, <sched.h>, <sys/mount.h>
    internal const int O_RDONLY = 0;
    internal const int O_WRONLY = 1;
    internal const int O_RDWR = 2;
    internal const int O_CREAT = 0x40;
    internal const int O_EXCL = 0x80;
    internal const int O_APPEND = 0x400;
    internal const int O_NONBLOCK = 0x800;
    internal const int O_NOFOLLOW = 0x20000;
    internal const int O_CLOEXEC = 0x80000;
    internal const int CLONE_NEWNET = 0x40000000;
    internal const uint MS_RDONLY = 1;
    internal const uint MS_NOSUID = 2;
    internal const uint MS_NODEV = 4;
    internal const uint MS_REMOUNT = 32;
    internal const uint MS_BIND = 4096;
    internal const int MNT_DETACH = 2;
    internal const int UMOUNT_NOFOLLOW = 8;
    internal const int AT_FDCWD = -100;
    internal const int AT_SYMLINK_NOFOLLOW = 0x100;
    internal const uint STATX_BASIC_STATS = 0x7ff;

    // <sys/file.h>
    internal const int LOCK_EX = 2;

    // <sys/wait.h>, <sys/epoll.h>, <sys/prctl.h>, <spawn.h>
    internal const int P_PID = 1;
    internal const int P_PGID = 2;
    internal const int P_PIDFD = 3;
    internal const int WNOHANG = 1;
    internal const int WEXITED = 4;
    internal const int EPOLL_CLOEXEC = 0x80000;
    internal const int EPOLL_CTL_ADD = 1;
    internal const int EPOLL_CTL_DEL = 2;
    internal const uint EPOLLIN = 1;
    internal const int PR_SET_CHILD_SUBREAPER = 36;
    internal const short POSIX_SPAWN_SETSIGDEF = 0x04;
    internal const short POSIX_SPAWN_SETSIGMASK = 0x08;
    internal const short POSIX_SPAWN_SETSID = 0x80;

    // <sys/socket.h>, <asm-generic/socket.h>
    internal const int AF_NETLINK = 16;
    internal const int SOCK_RAW = 3;
    internal const int SOCK_CLOEXEC = 0x80000;
    internal const int SOL_SOCKET = 1;
    internal const int SO_SNDBUFFORCE = 32;
    internal const int SO_RCVBUFFORCE = 33;
    internal const int MSG_TRUNC = 0x20;
    internal const int MSG_DONTWAIT = 0x40;

    // <netinet/in.h>, <linux/in.h>, <linux/in6.h>
    internal const int IPPROTO_IP = 0;
    internal const int IPPROTO_IPV6 = 41;
    internal const int IP_PKTINFO = 8;
    internal const int IPV6_RECVPKTINFO = 49;

    // <poll.h>
    internal const short POLLIN = 1;
    internal const short POLLOUT = 4;

    // <fcntl.h>
    internal const int F_SETFL = 4;

    // <asm-generic/ioctls.h>, <sys/socket.h>
    internal const nuint TIOCSWINSZ = 0x5414;
    internal const int MSG_CMSG_CLOEXEC = 0x40000000;
    internal const int SCM_RIGHTS = 1;

    // <linux/falloc.h>
    internal const int SEEK_END = 2;
    internal const int FALLOC_FL_KEEP_SIZE = 1;
    internal const int FALLOC_FL_PUNCH_HOLE = 2;

    // <asm/unistd.h>: the same number on every architecture since 5.3
    internal const nint SYS_pidfd_open = 434;
    internal const nint SYS_openat2 = 437;

    // <fcntl.h>, <linux/openat2.h>
    internal const int O_PATH = 0x200000;
    internal const int O_DIRECTORY = 0x10000;
    internal const ulong RESOLVE_NO_SYMLINKS = 4;
    internal const ulong RESOLVE_BENEATH = 8;
    internal const ulong RESOLVE_IN_ROOT = 16;

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int open(string path, int flags, int mode);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int close(int fd);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int fsync(int fd);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int rename(string from, string to);

    /// <summary>glibc has no openat2 of its own.</summary>
    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint openat2(nint number, nint folder, string path, void* how, nuint size);

    /// <inheritdoc cref="openat2"/>
    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    internal static partial nint bpf(nint number, nint command, void* attributes, nuint size);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int ioctl(int fd, nuint request, void* argument);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint recvmsg(int fd, MessageHeader* message, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int fallocate(int fd, int mode, long offset, long length);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial long lseek(int fd, long offset, int whence);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int ftruncate(int fd, long length);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int fcntl(int fd, int command, int argument);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int flock(int fd, int operation);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint read(int fd, byte* buffer, nuint count);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint write(int fd, byte* buffer, nuint count);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int unlink(string path);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int setns(int fd, int nstype);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int unshare(int flags);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int mount(string? source, string target, string? type, nuint flags, string? data);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int umount2(string target, int flags);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int mknod(string path, uint mode, ulong dev);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int statx(int folder, string path, int flags, uint mask, void* status);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int lchown(string path, uint user, uint group);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int lsetxattr(string path, string name, byte* value, nuint size, int flags);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint lgetxattr(string path, string name, byte* value, nuint size);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int link(string from, string to);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int utimensat(int folder, string path, long* times, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int syncfs(int fd);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int kill(int pid, int signal);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int setsid();

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int prctl(int option, nuint a, nuint b, nuint c, nuint d);

    [LibraryImport(Library)]
    internal static partial uint geteuid();

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint syscall(nint number, nint a, nint b);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int socket(int domain, int type, int protocol);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bind(int fd, void* address, uint length);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int getsockname(int fd, void* address, uint* length);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int poll(PollItem* items, nuint count, int timeout);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int setsockopt(int fd, int level, int option, void* value, uint length);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint sendto(int fd, void* buffer, nuint length, int flags, void* address, uint addressLength);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint recvfrom(int fd, void* buffer, nuint length, int flags, void* address, uint* addressLength);

    // For a child of a process that goes on: there, nothing but the calling thread is left, and nothing may wait for the garbage collector.
    [LibraryImport(Library)]
    [SuppressGCTransition]
    internal static partial int _Fork();

    [LibraryImport(Library, EntryPoint = "close")]
    [SuppressGCTransition]
    internal static partial int CloseInChild(int fd);

    [LibraryImport(Library, EntryPoint = "send")]
    [SuppressGCTransition]
    internal static partial nint SendInChild(int fd, void* buffer, nuint length, int flags);

    [LibraryImport(Library, EntryPoint = "recv")]
    [SuppressGCTransition]
    internal static partial nint ReceiveInChild(int fd, void* buffer, nuint length, int flags);

    [LibraryImport(Library, EntryPoint = "_exit")]
    [SuppressGCTransition]
    internal static partial void ExitChild(int status);

    /// <summary>Linux 2.6.33.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int recvmmsg(int fd, MultiMessage* messages, uint count, int flags, void* timeout);

    /// <summary>Linux 3.0.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int sendmmsg(int fd, MultiMessage* messages, uint count, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int waitid(int idType, uint id, SigInfo* info, int options);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int epoll_create1(int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int epoll_ctl(int epoll, int operation, int fd, void* item);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int epoll_wait(int epoll, void* items, int capacity, int timeout);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int pipe2(int* ends, int flags);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int posix_spawnp(int* pid, string file, void* actions, void* attributes, byte** argv, byte** envp);

    [LibraryImport(Library)]
    internal static partial int posix_spawn_file_actions_init(void* actions);

    [LibraryImport(Library)]
    internal static partial int posix_spawn_file_actions_destroy(void* actions);

    [LibraryImport(Library)]
    internal static partial int posix_spawn_file_actions_adddup2(void* actions, int fd, int newFd);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int posix_spawn_file_actions_addchdir_np(void* actions, string path);

    [LibraryImport(Library)]
    internal static partial int posix_spawnattr_init(void* attributes);

    [LibraryImport(Library)]
    internal static partial int posix_spawnattr_destroy(void* attributes);

    [LibraryImport(Library)]
    internal static partial int posix_spawnattr_setflags(void* attributes, short flags);

    [LibraryImport(Library)]
    internal static partial int posix_spawnattr_setsigdefault(void* attributes, void* set);

    [LibraryImport(Library)]
    internal static partial int posix_spawnattr_setsigmask(void* attributes, void* set);

    [LibraryImport(Library)]
    internal static partial int sigfillset(void* set);

    [LibraryImport(Library)]
    internal static partial int sigemptyset(void* set);

    /// <summary>struct sockaddr_nl (linux/netlink.h): family, pad, port id (0 is the kernel), multicast groups.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct NetlinkAddress
    {
        internal ushort Family;
        private readonly ushort _pad;
        internal uint Port;
        internal uint Groups;
    }

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct IoVector
    {
        internal void* Base;
        internal nuint Length;
    }

    /// <summary>struct msghdr: name, vectors, control data, flags.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct MessageHeader
    {
        internal void* Name;
        internal nuint NameLength; // a socklen_t and padding
        internal IoVector* Vectors;
        internal nuint VectorCount;
        internal void* Control;
        internal nuint ControlLength;
        internal int Flags;
    }

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PollItem
    {
        internal int Fd;
        internal short Events;
        internal readonly short Happened;
    }

    /// <summary>struct mmsghdr: a message, and how many bytes of it came or went.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct MultiMessage
    {
        internal MessageHeader Message;
        internal uint Length;
    }

    /// <summary>siginfo_t as waitid fills it (128 bytes): signo, errno, code, pad, pid, uid, status.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 128)]
    internal struct SigInfo
    {
        internal int Signo;
        internal int Errno;
        internal int Code;
        private readonly int _pad;
        internal int Pid;
        internal uint Uid;
        internal int Status;
    }
}
