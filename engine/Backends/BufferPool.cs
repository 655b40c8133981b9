using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

/// <summary>
/// Lends device memory to the tape. Memory is taken from the backend in slabs and never given back before <see cref="Trim"/> or
/// <see cref="Dispose"/>; inside a slab, tensors are cut from the smallest free block that holds them, and neighbouring free
/// blocks are merged.
/// <para>One slab reserved up front (<see cref="Reserve"/>) is enough for a training step whose need was measured before
/// (see StepMemory): slabs are searched in order and a step rents and returns the same sizes in the same order, so every step
/// places every tensor where the measurement placed it, and none allocates.</para>
/// <para>Tensors of 16 bits have slabs of their own: float32 logits and statistics among them would break the holes in which the
/// next activation fits.</para>
/// </summary>
public sealed class BufferPool(Backend backend) : IDisposable
{
    private readonly List<Slab> slabs = [];

    /// <summary>The backend whose memory is lent.</summary>
    public Backend Backend => backend;

    /// <summary>Bytes lent now, padding to 64 bytes included.</summary>
    public long InUseBytes { get; private set; }

    /// <summary>Highest value of <see cref="InUseBytes"/> so far.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>
    /// Bytes from the start of the slabs to the end of the highest tensor ever lent: what one slab would have needed.
    /// </summary>
    public long HighWaterBytes => slabs.Sum(s => s.HighWater) * sizeof(float);

    /// <summary>The part of <see cref="HighWaterBytes"/> that tensors of 16 bits take.</summary>
    public long HalfHighWaterBytes => slabs.Where(s => s.Halves).Sum(s => s.HighWater) * sizeof(float);

    /// <summary>How often the pool had to ask the backend for memory.</summary>
    public int Allocations { get; private set; }

    /// <summary>A tensor with undefined contents, to be given back by <see cref="Return"/>.</summary>
    public Tensor Rent(Shape shape, ElementType element = ElementType.Fp32)
    {
        var length = Tensor.AlignedLength(element.Words(shape.Length));
        Slab? home = null;
        Block? block = null;
        var halves = element != ElementType.Fp32;
        foreach (var slab in slabs)
        {
            block = slab.Halves == halves ? slab.Take(length) : null;
            if (block is not null)
            {
                home = slab;
                break;
            }
        }

        if (home is null || block is null)
        {
            home = AddSlab(length, halves);
            block = home.Take(length)!;
        }

        InUseBytes += length * sizeof(float);
        PeakBytes = Math.Max(PeakBytes, InUseBytes);
        return new Tensor(home.Buffer, block.Offset, shape, element);
    }

    /// <summary>Takes a tensor back; it may not be used afterwards.</summary>
    /// <exception cref="InvalidOperationException">The tensor is not lent by this pool, or was returned before.</exception>
    public void Return(Tensor tensor)
    {
        foreach (var slab in slabs)
        {
            if (ReferenceEquals(slab.Buffer, tensor.Buffer))
            {
                InUseBytes -= slab.GiveBack(tensor.Offset) * sizeof(float);
                return;
            }
        }

        throw new InvalidOperationException($"{tensor} was not lent by this pool");
    }

    /// <summary>Remembers what is lent now; the result takes back what has been lent since, after work that broke off.</summary>
    public Action Mark()
    {
        var (inUse, blocks) = (InUseBytes, slabs.ToDictionary(slab => slab, slab => slab.Blocks));
        return () =>
        {
            foreach (var slab in slabs)
            {
                slab.Blocks = blocks.GetValueOrDefault(slab) ?? [new Block(0, slab.Length, Free: true)];
            }

            InUseBytes = inUse;
        };
    }

    /// <summary>
    /// Makes sure that the first slabs, those searched first, have room for this many bytes. Only while nothing is lent.
    /// </summary>
    /// <param name="bytes">Bytes of all tensors.</param>
    /// <param name="halfBytes">Of these, bytes of tensors of 16 bits.</param>
    /// <exception cref="InvalidOperationException">Tensors are lent.</exception>
    public void Reserve(long bytes, long halfBytes = 0)
    {
        var (length, halfLength) = (Words(bytes - halfBytes), Words(halfBytes));
        if (Has(length, halves: false) && Has(halfLength, halves: true))
        {
            return;
        }

        Trim();
        foreach (var (wanted, halves) in new[] { (length, false), (halfLength, true) })
        {
            if (wanted > 0)
            {
                AddSlab(wanted, halves);
            }
        }

        static long Words(long bytes) => Tensor.AlignedLength((bytes + sizeof(float) - 1) / sizeof(float));

        bool Has(long wanted, bool halves) => wanted == 0 || slabs.Find(s => s.Halves == halves)?.Length >= wanted;
    }

    /// <summary>Gives all memory back to the backend, e.g. before work with other sizes. Only while nothing is lent.</summary>
    /// <exception cref="InvalidOperationException">Tensors are lent.</exception>
    public void Trim()
    {
        if (InUseBytes > 0)
        {
            throw new InvalidOperationException($"{InUseBytes} bytes of the pool are still lent");
        }

        Dispose();
    }

    /// <summary>Gives all memory back to the backend; lent tensors become invalid.</summary>
    public void Dispose()
    {
        foreach (var slab in slabs)
        {
            backend.Free(slab.Buffer);
        }

        slabs.Clear();
        InUseBytes = 0;
    }

    private Slab AddSlab(long length, bool halves)
    {
        var slab = new Slab(backend.Allocate(length), length, halves);
        slabs.Add(slab);
        Allocations++;
        return slab;
    }

    /// <summary>A run of words inside a slab, lent or free.</summary>
    private sealed record Block(long Offset, long Length, bool Free);

    /// <summary>One allocation and its division into blocks, in address order; no two neighbours are both free.</summary>
    private sealed class Slab(DeviceBuffer buffer, long length, bool halves)
    {
        public bool Halves => halves;

        private readonly List<Block> blocks = [new Block(0, length, Free: true)];

        /// <summary>A copy of the division.</summary>
        public IReadOnlyList<Block> Blocks
        {
            get => [.. blocks];
            set
            {
                blocks.Clear();
                blocks.AddRange(value);
            }
        }

        public DeviceBuffer Buffer => buffer;

        public long Length => length;

        public long HighWater { get; private set; }

        public Block? Take(long wanted)
        {
            // The end of the slab is cut only if no hole is large enough: positions then do not depend on the slab's length, and
            // a slab as long as the high-water mark of a rehearsal suffices.
            var best = -1;
            for (var i = 0; i < blocks.Count - 1; i++)
            {
                if (blocks[i].Free && blocks[i].Length >= wanted && (best < 0 || blocks[i].Length < blocks[best].Length))
                {
                    best = i;
                }
            }

            if (best < 0)
            {
                best = blocks.Count - 1;
                if (!blocks[best].Free || blocks[best].Length < wanted)
                {
                    return null;
                }
            }

            var (offset, available, _) = blocks[best];
            var taken = new Block(offset, wanted, Free: false);
            blocks[best] = taken;
            if (available > wanted)
            {
                blocks.Insert(best + 1, new Block(offset + wanted, available - wanted, Free: true));
            }

            HighWater = Math.Max(HighWater, offset + wanted);
            return taken;
        }

        /// <summary>Frees the block at an offset; returns its length.</summary>
        public long GiveBack(long offset)
        {
            var i = blocks.FindIndex(b => b.Offset == offset && !b.Free);
            if (i < 0)
            {
                throw new InvalidOperationException($"nothing is lent at word {offset}: returned twice?");
            }

            var freed = blocks[i].Length;
            var (start, end) = (blocks[i].Offset, blocks[i].Offset + freed);
            if (i + 1 < blocks.Count && blocks[i + 1].Free)
            {
                end += blocks[i + 1].Length;
                blocks.RemoveAt(i + 1);
            }

            if (i > 0 && blocks[i - 1].Free)
            {
                start = blocks[i - 1].Offset;
                blocks.RemoveAt(i - 1);
                i--;
            }

            blocks[i] = new Block(start, end - start, Free: true);
            return freed;
        }
    }
}
