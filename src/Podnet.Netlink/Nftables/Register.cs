namespace Podnet.Netlink.Nftables;

/// <summary>
/// Where steps leave their results for later ones. R1 to R4 have 16 bytes each, which are also sixteen registers of 4 bytes
/// (<see cref="RegisterWords.Word"/>): R1 is the words 0 to 3, and so on. The parts of a concatenated key lie one behind the other, each
/// from a word's start on.
/// </summary>
public enum Register : uint
{
    /// <summary>What is put here decides the packet's fate.</summary>
    Verdict = 0,
    R1 = 1,
    R2 = 2,
    R3 = 3,
    R4 = 4,
}

/// <summary>The registers of 4 bytes.</summary>
public static class RegisterWords
{
    private const int WordsOfRegister = 4;
    private const int WordLength = 4;
    private const int FirstWord = 8; // NFT_REG32_00
    private const int Words = 16;

    extension(Register)
    {
        /// <summary>The 4 bytes of this number, 0 to 15. Those that a 16 byte register starts with have its name, as the kernel and nft write them.</summary>
        public static Register Word(int number)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(number);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(number, Words);
            return (Register)(number % WordsOfRegister == 0 ? (number / WordsOfRegister) + 1 : FirstWord + number);
        }
    }

    extension(Register register)
    {
        /// <summary>The word that lies so many bytes (a multiple of 4) further on.</summary>
        public Register Plus(int bytes)
        {
            if (bytes % WordLength != 0)
                throw new ArgumentOutOfRangeException(nameof(bytes), bytes, $"registers lie {WordLength} bytes apart");
            ArgumentOutOfRangeException.ThrowIfEqual(register, Register.Verdict);
            var value = (int)register;
            var word = value < FirstWord ? (value - 1) * WordsOfRegister : value - FirstWord;
            return Register.Word(word + (bytes / WordLength));
        }
    }
}
