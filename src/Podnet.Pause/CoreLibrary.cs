// The types that the C# compiler and the IL compiler ask of a core library, and no more: there is no heap, no garbage
// collector and no exception here, so none of them has behaviour. Names and shapes are those of ECMA-335 I.8.2.2 and of
// the IL compiler, which finds them by name.
namespace System
{
    public class Object
    {
        /// <summary>Where the IL compiler puts the type of an object.</summary>
        protected nint MethodTable;
    }

    public abstract class ValueType;

    public abstract class Enum : ValueType;

    public abstract class Array;

    public abstract class Delegate;

    public abstract class MulticastDelegate : Delegate;

    public abstract class Attribute;

    public sealed class String;

    public struct Void;

    public struct Boolean;

    public struct Char;

    public struct SByte;

    public struct Byte;

    public struct Int16;

    public struct UInt16;

    public struct Int32;

    public struct UInt32;

    public struct Int64;

    public struct UInt64;

    public struct IntPtr;

    public struct UIntPtr;

    public struct Single;

    public struct Double;

    public struct Nullable<T>
        where T : struct;

    public struct RuntimeTypeHandle;

    public struct RuntimeMethodHandle;

    public struct RuntimeFieldHandle;

    /// <summary>What "text"u8 becomes: bytes in the executable's own read-only data, so their address never moves.</summary>
    public readonly unsafe ref struct ReadOnlySpan<T>
    {
        internal readonly void* Start;
        internal readonly int Length;

        public ReadOnlySpan(void* start, int length)
        {
            Start = start;
            Length = length;
        }

        /// <summary>The C# compiler binds to this one, and emits a call of the other.</summary>
        public ReadOnlySpan(T[] array, int start, int length) => Podnet.Pause.Kernel.Exit(length);
    }

    public enum AttributeTargets
    {
        Class = 4,
        Struct = 8,
        Method = 64,
    }

    [AttributeUsage(AttributeTargets.Class)]
    public sealed class AttributeUsageAttribute(AttributeTargets targets) : Attribute
    {
        public AttributeTargets Targets { get; } = targets;

        public bool AllowMultiple { get; set; }

        public bool Inherited { get; set; }
    }
}

namespace System.Runtime
{
    /// <summary>Gives a method a symbol of that name in the object file.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    internal sealed class RuntimeExportAttribute(string name) : Attribute
    {
        internal string Name { get; } = name;
    }

    /// <summary>Binds a method without a body to a symbol of that name: a plain call, with no bookkeeping for a collector.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    internal sealed class RuntimeImportAttribute(string name) : Attribute
    {
        internal string Name { get; } = name;
    }
}

namespace System.Runtime.CompilerServices
{
    internal enum MethodImplOptions
    {
        InternalCall = 0x1000,
    }

    [AttributeUsage(AttributeTargets.Method)]
    internal sealed class MethodImplAttribute(MethodImplOptions options) : Attribute
    {
        internal MethodImplOptions Options { get; } = options;
    }

    internal static class RuntimeFeature
    {
        internal const string UnmanagedSignatureCallingConvention = nameof(UnmanagedSignatureCallingConvention);
    }

    [AttributeUsage(AttributeTargets.Struct)]
    internal sealed class IsReadOnlyAttribute : Attribute;

    [AttributeUsage(AttributeTargets.Struct)]
    internal sealed class IsByRefLikeAttribute : Attribute;
}

namespace Internal.Runtime.CompilerHelpers
{
    internal static class ThrowHelpers
    {
        /// <summary>What the IL compiler calls where it meets code that it cannot compile.</summary>
        private static void ThrowInvalidProgramException(int reason) => Podnet.Pause.Kernel.Exit(reason);
    }

    /// <summary>
    /// How a thread comes from native code into a runtime and goes back. The entry point that the IL compiler writes for
    /// <c>Main</c> names both; nobody calls it.
    /// </summary>
    internal static class Transitions
    {
        [System.Runtime.RuntimeExport("RhpReversePInvoke")]
        private static void Enter()
        {
        }

        [System.Runtime.RuntimeExport("RhpReversePInvokeReturn")]
        private static void Leave()
        {
        }
    }
}
