namespace Podnet.Netlink;

/// <summary>nlmsg_flags (linux/netlink.h). Bits 8 to 11 mean one thing in a get, another in a new, a third in an ACK.</summary>
[Flags]
public enum NetlinkFlags : ushort
{
    None = 0,

    /// <summary>NLM_F_REQUEST.</summary>
    Request = 0x1,

    /// <summary>NLM_F_ACK: an answer is wanted also where all went well.</summary>
    Ack = 0x4,

    /// <summary>NLM_F_ECHO, in a new: what all who listen are told of it goes to who asked for it, too.</summary>
    Echo = 0x8,

    /// <summary>NLM_F_DUMP_INTR, in a reply: the table changed while it was dumped, so what was read fits no one moment.</summary>
    DumpInterrupted = 0x10,

    /// <summary>NLM_F_DUMP, in a get: all entries.</summary>
    Dump = 0x300,

    /// <summary>NLM_F_REPLACE, in a new.</summary>
    Replace = 0x100,

    /// <summary>NLM_F_EXCL, in a new: EEXIST where it is there already.</summary>
    Exclusive = 0x200,

    /// <summary>NLM_F_CREATE, in a new.</summary>
    Create = 0x400,

    /// <summary>NLM_F_APPEND, in a new: after those that are there (linux/nfnetlink.h: at the end of the chain).</summary>
    Append = 0x800,

    /// <summary>NLM_F_CAPPED, in an ACK: the request is not repeated in it.</summary>
    AckCapped = 0x100,

    /// <summary>NLM_F_ACK_TLVS, in an ACK: extended-ACK attributes follow.</summary>
    AckAttributes = 0x200,
}
