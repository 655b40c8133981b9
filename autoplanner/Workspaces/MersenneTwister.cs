namespace SharpSeg.AutoPlanner.Workspaces;

/// <summary>
/// MT19937 (Matsumoto and Nishimura 1998) with one-word seeding: the generator behind the reference's shuffled folds, so that our
/// folds equal its folds. Used for splits only; everything else draws from <see cref="CounterRandom"/>.
/// </summary>
internal sealed class MersenneTwister
{
    private const int Size = 624;
    private const int Middle = 397;
    private const uint UpperBit = 0x80000000;
    private const uint TwistMatrix = 0x9908B0DF;

    private readonly uint[] state = new uint[Size];
    private int next = Size;

    /// <summary>A generator at the start of a seed's sequence.</summary>
    public MersenneTwister(uint seed)
    {
        state[0] = seed;
        for (var i = 1; i < Size; i++)
        {
            state[i] = (1812433253 * (state[i - 1] ^ (state[i - 1] >> 30))) + (uint)i;
        }
    }

    /// <summary>The next 32 bits.</summary>
    public uint Next()
    {
        if (next == Size)
        {
            Twist();
        }

        var word = state[next++];
        word ^= word >> 11;
        word ^= (word << 7) & 0x9D2C5680;
        word ^= (word << 15) & 0xEFC60000;
        return word ^ (word >> 18);
    }

    /// <summary>A number from 0 to <paramref name="most"/>, both included: masked draws, until one is not too large.</summary>
    public int NextUpTo(int most)
    {
        var mask = (uint)most;
        for (var shift = 1; shift < 32; shift <<= 1)
        {
            mask |= mask >> shift;
        }

        uint word;
        do
        {
            word = Next() & mask;
        }
        while (word > (uint)most);
        return (int)word;
    }

    /// <summary>The numbers 0 to count − 1 in shuffled order (Fisher and Yates, from the end).</summary>
    public int[] Permutation(int count)
    {
        var order = Enumerable.Range(0, count).ToArray();
        for (var i = count - 1; i > 0; i--)
        {
            var j = NextUpTo(i);
            (order[i], order[j]) = (order[j], order[i]);
        }

        return order;
    }

    private void Twist()
    {
        for (var i = 0; i < Size; i++)
        {
            var word = (state[i] & UpperBit) | (state[(i + 1) % Size] & ~UpperBit);
            state[i] = state[(i + Middle) % Size] ^ (word >> 1) ^ ((word & 1) == 0 ? 0 : TwistMatrix);
        }

        next = 0;
    }
}
