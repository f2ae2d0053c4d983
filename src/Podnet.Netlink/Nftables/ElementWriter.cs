using System.Runtime.InteropServices;
using System.Text;
using static Podnet.Netlink.Nftables.NftablesWire;

namespace Podnet.Netlink.Nftables;

/// <summary>
/// Writes elements straight into a transaction, without a byte on the heap for each: for hundreds of thousands. The transaction takes nothing
/// else until <see cref="End"/>.
/// </summary>
/// <remarks>
/// <code>
/// message:  Table  Set  [SetId]  List { element, element, ... }
/// element:  [Flags]  [Timeout]  Key { Value }  [KeyEnd { Value }]  [Data { Value or Verdict }]  [UserData { comment }]
/// </code>
/// Elements go many to a message. Their list is one attribute, whose length field ends at 65,535.
/// </remarks>
[StructLayout(LayoutKind.Auto)]
public ref struct ElementWriter
{
    private const int MessageSize = 0xF000;

    /// <summary>
    /// Above an interval of two keys of 64 bytes each (NFT_DATA_VALUE_MAXLEN), data of as much, a chain's name of 128 (NFT_NAME_MAXLEN is 256) and
    /// a comment; what is left of 65,535 above the message's size has room for a longer name.
    /// </summary>
    private const int LargestElement = 1024;

    /// <summary>Above what stands before the elements: the names of table and set (NFT_NAME_MAXLEN is 256), and headers.</summary>
    private const int LargestStart = 1024;

    private readonly Transaction _transaction;
    private readonly ElementChange _change;
    private readonly int _size;
    private NetlinkWriter _writer;
    private int _list;
    private bool _isOpen;

    /// <param name="count">
    /// How many elements come, or more; int.MaxValue where nobody knows. Room for more than a few takes so much memory that the collector comes
    /// for it alone, and changes of a few elements are by far the most frequent ones.
    /// </param>
    internal ElementWriter(Transaction transaction, ElementChange change, int count)
    {
        _transaction = transaction;
        _change = change;
        _size = count < MessageSize / LargestElement ? LargestStart + (count * LargestElement) : MessageSize;
    }

    /// <param name="data">What the key leads to, in a map of values.</param>
    /// <param name="comment">Cut to what nft shows, 127 bytes.</param>
    public void Add(scoped ReadOnlySpan<byte> key, scoped ReadOnlySpan<byte> data = default, string? comment = null)
    {
        var item = BeginItem();
        PutData(ref _writer, ElementAttribute.Key, key);
        if (!data.IsEmpty)
            PutData(ref _writer, ElementAttribute.Data, data);
        PutComment(comment);
        _writer.EndNested(item);
    }

    /// <summary>For a map of verdicts.</summary>
    public void Add(scoped ReadOnlySpan<byte> key, Verdict verdict, string? comment = null)
    {
        var item = BeginItem();
        PutData(ref _writer, ElementAttribute.Key, key);
        verdict.PutData(ref _writer, ElementAttribute.Data);
        PutComment(comment);
        _writer.EndNested(item);
    }

    public void Add(in Element element)
    {
        var item = BeginItem();
        if (!_change.KeysOnly && element.Timeout is { } timeout)
            _writer.PutU64BigEndian(ElementAttribute.Timeout, Milliseconds(timeout));
        PutData(ref _writer, ElementAttribute.Key, element.Key.Span);
        if (element.Last is { } last)
            PutData(ref _writer, ElementAttribute.KeyEnd, last.Span);
        if (!_change.KeysOnly)
        {
            if (element.Data.Length > 0)
                PutData(ref _writer, ElementAttribute.Data, element.Data.Span);
            element.Verdict?.PutData(ref _writer, ElementAttribute.Data);
            PutComment(element.Comment);
        }

        _writer.EndNested(item);
        if (element.End is { } end)
            PutEnd(end);
    }

    /// <summary>What was written becomes part of the transaction, which then takes other changes again.</summary>
    public void End()
    {
        if (!_isOpen)
            return;
        _isOpen = false;
        _writer.EndNested(_list);
        _transaction.EndElements(_writer, _change);
    }

    private void PutEnd(ByteString key)
    {
        var item = _writer.BeginNested(ListItem);
        _writer.PutU32BigEndian(ElementAttribute.Flags, ElementAttribute.IntervalEnd);
        PutData(ref _writer, ElementAttribute.Key, key.Span);
        _writer.EndNested(item);
    }

    private int BeginItem()
    {
        if (_isOpen && _writer.Length > _size - LargestElement)
            End();
        if (!_isOpen)
        {
            _writer = _transaction.BeginElements(_change, _size);
            _list = _writer.BeginNested(ElementAttribute.List);
            _isOpen = true;
        }

        return _writer.BeginNested(ListItem);
    }

    private void PutComment(string? comment)
    {
        if (comment is null || _change.KeysOnly)
            return;
        Span<byte> data = stackalloc byte[2 + UserData.LongestComment + 1];
        var length = Encoding.UTF8.GetBytes(UserData.Cut(comment), data[2..^1]) + 1;
        data[0] = UserData.Comment;
        data[1] = (byte)length;
        data[length + 1] = 0;
        _writer.Put(ElementAttribute.UserData, data[..(2 + length)]);
    }
}

/// <summary>What becomes of a set's elements.</summary>
/// <param name="SetId">Of a set that the same transaction makes and that has no name yet; else 0.</param>
/// <param name="Verb">For the message of an error: "add elements to".</param>
internal sealed record ElementChange(string Set, uint SetId, int Message, NetlinkFlags Flags, string Verb)
{
    /// <summary>To delete an element its key is enough.</summary>
    internal bool KeysOnly => Message != NewElement;
}
