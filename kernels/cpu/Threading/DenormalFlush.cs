using System.Runtime.InteropServices;

namespace SharpSeg.Kernels.Cpu.Threading;

/// <summary>
/// Lets a thread's floating-point unit take numbers below 1.2·10⁻³⁸ (denormals) for zero. A confident network makes many: softmax
/// ends in e⁻⁹⁰, its gradients spread through every layer, and processors that compute denormals by microcode then take ten times
/// as long for a step. .NET has no call for it; the C library's floating-point environment has
/// (ISO C §7.6; x86-64: MXCSR bits 6 and 15, Arm: FPCR bit 24). Where it is not found, denormals are computed as ever.
/// </summary>
internal static unsafe class DenormalFlush
{
    private const uint MxcsrDenormalsAreZero = 1 << 6, MxcsrFlushToZero = 1 << 15, FpcrFlushToZero = 1 << 24;
    private const uint WindowsFlush = 0x01000000, WindowsDenormalMask = 0x03000000;

    /// <summary>Bytes for a floating-point environment: the largest known, x86-64's, has 32.</summary>
    private const int EnvironmentBytes = 64;

    private static readonly delegate* unmanaged[SuppressGCTransition]<byte*, int> Get, Set;
    private static readonly delegate* unmanaged[SuppressGCTransition]<uint*, uint, uint, int> Control;

    static DenormalFlush()
    {
        if (OperatingSystem.IsWindows())
        {
            Control = (delegate* unmanaged[SuppressGCTransition]<uint*, uint, uint, int>)Find(["ucrtbase.dll"], "_controlfp_s");
        }
        else if (RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.Arm64)
        {
            string[] libraries = OperatingSystem.IsMacOS() ? ["libSystem.dylib"] : ["libm.so.6", "libm.so", "libc.so"];
            Get = (delegate* unmanaged[SuppressGCTransition]<byte*, int>)Find(libraries, "fegetenv");
            Set = (delegate* unmanaged[SuppressGCTransition]<byte*, int>)Find(libraries, "fesetenv");
        }
    }

    /// <summary>Whether this system lets denormals be flushed.</summary>
    public static bool IsAvailable => Control is not null || (Get is not null && Set is not null);

    /// <summary>Flushes denormals on this thread; the result restores what was before.</summary>
    public static State Begin()
    {
        var state = default(State);
        if (Control is not null)
        {
            uint before;
            _ = Control(&before, 0, 0);
            state.WindowsControl = before;
            _ = Control(&before, WindowsFlush, WindowsDenormalMask);
        }
        else if (IsAvailable)
        {
            _ = Get(state.Environment);
            var flushing = state;
            *Word(flushing.Environment) |= Bits;
            _ = Set(flushing.Environment);
        }

        return state;
    }

    /// <summary>Restores the thread's state of before <see cref="Begin"/>.</summary>
    public static void End(ref State state)
    {
        if (Control is not null)
        {
            uint now;
            _ = Control(&now, state.WindowsControl, WindowsDenormalMask);
        }
        else if (IsAvailable)
        {
            fixed (byte* environment = state.Environment)
            {
                _ = Set(environment);
            }
        }
    }

    private static uint Bits => RuntimeInformation.ProcessArchitecture == Architecture.X64
        ? MxcsrDenormalsAreZero | MxcsrFlushToZero
        : FpcrFlushToZero;

    /// <summary>
    /// The control word inside <c>fenv_t</c>. x86-64: behind 28 bytes of the x87 unit, behind 4 on macOS. Arm: the first word; on
    /// macOS the second of 64 bits.
    /// </summary>
    private static uint* Word(byte* environment) => (uint*)(environment
        + (RuntimeInformation.ProcessArchitecture == Architecture.X64
            ? OperatingSystem.IsMacOS() ? 4 : 28
            : OperatingSystem.IsMacOS() ? 8 : 0));

    private static void* Find(string[] libraries, string name)
    {
        foreach (var library in libraries)
        {
            if (NativeLibrary.TryLoad(library, out var handle) && NativeLibrary.TryGetExport(handle, name, out var address))
            {
                return (void*)address;
            }
        }

        return null;
    }

    /// <summary>What a thread's floating-point unit did before.</summary>
    internal struct State
    {
        /// <summary>The C library's <c>fenv_t</c>.</summary>
        internal fixed byte Environment[EnvironmentBytes];

        /// <summary>Windows' control word.</summary>
        internal uint WindowsControl;
    }
}
