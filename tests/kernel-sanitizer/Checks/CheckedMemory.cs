using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.KernelSanitizer;

/// <summary>
/// Memory with a memory of its own: for every 32-bit word, who wrote it last and who read it last.
/// <para>A stamp packs the epoch (a number that grows with every launch, group and barrier) and the thread. Two accesses in one
/// epoch by different threads of a group are not ordered by anything; if one of them is a write, that is a race. Stamps from the
/// same launch but from before this group began are another group's, and nothing orders groups at all.</para>
/// </summary>
internal sealed class CheckedMemory
{
    /// <summary>Thread number that stands for more than one thread.</summary>
    internal const int SeveralLanes = (1 << LaneBits) - 1;

    private const int LaneBits = 11;
    private const byte Poison = 0xFF; // 0xFFFFFFFF is a NaN as float32 and −1 as an integer
    private readonly bool shared;
    private readonly Action? onFree;
    private byte[]? bytes;
    private ulong[]? lastWrite;
    private ulong[]? lastRead;

    internal CheckedMemory(string name, long length, bool shared, Action? onFree)
    {
        Name = name;
        this.shared = shared;
        this.onFree = onFree;
        bytes = GC.AllocateUninitializedArray<byte>(checked((int)length));
        bytes.AsSpan().Fill(Poison);
    }

    /// <summary>What this memory is, for messages.</summary>
    internal string Name { get; }

    /// <summary>A group begins: shared memory holds nothing again.</summary>
    internal void Forget() => bytes.AsSpan().Fill(Poison);

    /// <summary>Frees the memory; a second time does nothing.</summary>
    internal void Free()
    {
        if (bytes is not null)
        {
            bytes = null;
            lastWrite = lastRead = null;
            onFree?.Invoke();
        }
    }

    /// <summary>The host's view, for copies between launches.</summary>
    internal Span<byte> HostBytes(long offset, long length) =>
        (bytes ?? throw KernelFaultException.UseAfterFree(Name)).AsSpan(checked((int)offset), checked((int)length));

    /// <summary>A kernel reads an element that lies within bounds.</summary>
    internal T Read<T>(long offset)
        where T : unmanaged
    {
        var data = Data<T>();
        var lane = Lane.Here;
        for (long cell = offset / sizeof(uint), end = cell + (Unsafe.SizeOf<T>() / sizeof(uint)); cell < end; cell++)
        {
            NoteRead(lane, cell);
        }

        return MemoryMarshal.Read<T>(data.AsSpan((int)offset));
    }

    /// <summary>A kernel writes an element that lies within bounds.</summary>
    internal void Write<T>(long offset, T value)
        where T : unmanaged
    {
        if (typeof(T) == typeof(Float4))
        {
            Unsafe.As<T, Float4>(ref value).Settle();
        }

        var data = Data<T>();
        var lane = Lane.Here;
        for (long cell = offset / sizeof(uint), end = cell + (Unsafe.SizeOf<T>() / sizeof(uint)); cell < end; cell++)
        {
            NoteWrite(lane, cell);
        }

        MemoryMarshal.Write(data.AsSpan((int)offset), in value);
    }

    private static ulong Stamp(Lane lane) => (lane.Group.Epoch << LaneBits) | (uint)lane.Index;

    private byte[] Data<T>()
    {
        if (Unsafe.SizeOf<T>() % sizeof(uint) != 0)
        {
            throw new NotSupportedException($"the sanitizer checks 32-bit words; {typeof(T)} is smaller");
        }

        var data = bytes ?? throw KernelFaultException.UseAfterFree(Name);
        lastWrite ??= new ulong[data.Length / sizeof(uint)];
        lastRead ??= new ulong[data.Length / sizeof(uint)];
        return data;
    }

    private void NoteRead(Lane lane, long cell)
    {
        var group = lane.Group;
        var write = lastWrite![cell];
        var epoch = write >> LaneBits;
        if (epoch < group.FirstEpoch)
        {
            if (shared)
            {
                throw KernelFaultException.Unwritten(this, cell);
            }

            if (epoch >= group.LaunchEpoch)
            {
                throw KernelFaultException.RaceBetweenGroups(this, cell, "reads");
            }
        }
        else if (epoch == group.Epoch && LaneOf(write) != lane.Index)
        {
            throw KernelFaultException.Race(this, cell, "reads", LaneOf(write));
        }

        var stamp = Stamp(lane);
        var read = lastRead![cell];
        lastRead[cell] = read >> LaneBits == group.Epoch && read != stamp ? stamp | SeveralLanes : stamp;
    }

    private void NoteWrite(Lane lane, long cell)
    {
        var group = lane.Group;
        RequireMine(lane, cell, lastWrite![cell]);
        RequireMine(lane, cell, lastRead![cell]);
        lastWrite[cell] = (group.Epoch << LaneBits) | (uint)lane.Index;
    }

    private void RequireMine(Lane lane, long cell, ulong stamp)
    {
        var group = lane.Group;
        var epoch = stamp >> LaneBits;
        if (epoch == group.Epoch && LaneOf(stamp) != lane.Index)
        {
            throw KernelFaultException.Race(this, cell, "writes", LaneOf(stamp));
        }

        if (!shared && epoch >= group.LaunchEpoch && epoch < group.FirstEpoch)
        {
            throw KernelFaultException.RaceBetweenGroups(this, cell, "writes");
        }
    }

    private static int LaneOf(ulong stamp) => (int)(stamp & SeveralLanes);
}
