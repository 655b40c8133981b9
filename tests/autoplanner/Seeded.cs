using System.Globalization;
using Xunit.Sdk;

namespace SharpSeg.AutoPlanner.Tests;

/// <summary>Random inputs that are fresh in every run; a failure names the seed, and SHARPSEG_TEST_SEED repeats it.</summary>
internal static class Seeded
{
    private static readonly int Seed = int.TryParse(
        Environment.GetEnvironmentVariable("SHARPSEG_TEST_SEED"), NumberStyles.None, CultureInfo.InvariantCulture, out var seed)
        ? seed
        : Random.Shared.Next();

    public static void Run(Action<Random> test)
    {
        try
        {
            test(new Random(Seed));
        }
        catch (Exception e)
        {
            throw new XunitException($"SHARPSEG_TEST_SEED={Seed} repeats this: {e.Message}", e);
        }
    }
}
