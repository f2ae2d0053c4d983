namespace Podnet.Netlink.Nftables;

/// <summary>The attributes of an expression, looked up by type. One that is not there is 0 or empty, as the kernel leaves out defaults.</summary>
internal readonly ref struct ExpressionData(AttributeReader attributes)
{
    private readonly AttributeReader _attributes = attributes;

    internal bool Has(int type) => Find(type, out _);

    internal uint U32(int type) => Find(type, out var attribute) ? attribute.U32BigEndian : 0;

    internal byte U8(int type) => Find(type, out var attribute) ? attribute.U8 : (byte)0;

    internal ulong U64(int type) => Find(type, out var attribute) ? attribute.U64BigEndian : 0;

    internal string Text(int type) => Find(type, out var attribute) ? attribute.Text : "";

    internal ExpressionData Nested(int type) => new(Find(type, out var attribute) ? attribute.Nested : default);

    /// <summary>NFTA_DATA_VALUE in an attribute of data.</summary>
    internal ByteString Bytes(int type) => Nested(type).Bytes();

    /// <summary>NFTA_DATA_VALUE.</summary>
    internal ByteString Bytes() => Find(NftablesWire.DataValue, out var value) ? new ByteString(value.Value) : default;

    private bool Find(int type, out AttributeReader found)
    {
        found = _attributes;
        while (found.MoveNext())
        {
            if (found.Type == type)
                return true;
        }

        return false;
    }
}
