using System.Numerics;

namespace SharpSeg.AutoPlanner;

/// <summary>
/// Logarithm, exponential, sine and cosine of whole vectors, in float32 throughout: those of <see cref="Vector"/> compute in
/// float64, which takes twice as long. Polynomials of Cephes (S. Moshier 1989); errors below 3·10⁻⁷, of exponentials relative, of
/// sine, cosine and small logarithms absolute.
/// </summary>
internal static class VectorFunctions
{
    private const int ExponentBias = 127, MantissaBits = 23, MantissaMask = (1 << MantissaBits) - 1;
    private const float SmallestNormal = 1.17549435e-38f;
    private const float Log2E = 1.44269504088896341f;

    // ln 2 in two parts, the first exact in a few bits, so that its products with whole numbers are exact.
    private const float Ln2High = 0.693359375f, Ln2Low = -2.12194440e-4f;

    /// <summary>ln x for x ≥ 0; numbers below the smallest normal one, and 0, count as that.</summary>
    public static Vector<float> Log(Vector<float> x)
    {
        var bits = Vector.AsVectorInt32(Vector.MaxNative(x, new Vector<float>(SmallestNormal)));
        var exponent = Vector.ConvertToSingle((bits >> MantissaBits) - new Vector<int>(ExponentBias));
        var mantissa = Vector.AsVectorSingle(
            (bits & new Vector<int>(MantissaMask)) | new Vector<int>(ExponentBias << MantissaBits));

        // Mantissas above √2 are halved, so that r stays within −0.3 … 0.42.
        var large = Vector.GreaterThan(mantissa, new Vector<float>(1.41421356f));
        exponent = Vector.ConditionalSelect(large, exponent + Vector<float>.One, exponent);
        var r = Vector.ConditionalSelect(large, mantissa * 0.5f, mantissa) - Vector<float>.One;
        var square = r * r;
        var sum = new Vector<float>(7.0376836292e-2f);
        sum = Next(sum, r, -1.1514610310e-1f);
        sum = Next(sum, r, 1.1676998740e-1f);
        sum = Next(sum, r, -1.2420140846e-1f);
        sum = Next(sum, r, 1.4249322787e-1f);
        sum = Next(sum, r, -1.6668057665e-1f);
        sum = Next(sum, r, 2.0000714765e-1f);
        sum = Next(sum, r, -2.4999993993e-1f);
        sum = Next(sum, r, 3.3333331174e-1f);
        sum *= r * square;
        sum = Add(exponent, Ln2Low, sum);
        sum = Add(square, -0.5f, sum);
        return Add(exponent, Ln2High, r + sum);
    }

    /// <summary>eˣ; x is clamped to −87 … 88, so that results stay normal and finite.</summary>
    public static Vector<float> Exp(Vector<float> x)
    {
        x = Vector.MaxNative(Vector.MinNative(x, new Vector<float>(88f)), new Vector<float>(-87f));
        var n = Vector.Floor((x * Log2E) + new Vector<float>(0.5f));
        var r = Add(n, -Ln2Low, Add(n, -Ln2High, x));
        var sum = new Vector<float>(1.9875691500e-4f);
        sum = Next(sum, r, 1.3981999507e-3f);
        sum = Next(sum, r, 8.3334519073e-3f);
        sum = Next(sum, r, 4.1665795894e-2f);
        sum = Next(sum, r, 1.6666665459e-1f);
        sum = Next(sum, r, 5.0000001201e-1f);
        var power = Vector.ConvertToInt32Native(n) + new Vector<int>(ExponentBias);
        return ((sum * r * r) + r + Vector<float>.One) * Vector.AsVectorSingle(power << MantissaBits);
    }

    /// <summary>Sine and cosine of 2π·t for t in [0, 1].</summary>
    public static (Vector<float> Sine, Vector<float> Cosine) SinCosOfTurns(Vector<float> t)
    {
        // The nearest quarter turn, and what is left of the angle: within ±π/4.
        var quarter = Vector.Floor((t * 4f) + new Vector<float>(0.5f));
        var angle = (t - (quarter * 0.25f)) * (2 * MathF.PI);
        var square = angle * angle;
        var sine = new Vector<float>(-1.9515295891e-4f);
        sine = Next(sine, square, 8.3321608736e-3f);
        sine = Next(sine, square, -1.6666654611e-1f);
        sine = (sine * square * angle) + angle;
        var cosine = new Vector<float>(2.443315711809948e-5f);
        cosine = Next(cosine, square, -1.388731625493765e-3f);
        cosine = Next(cosine, square, 4.166664568298827e-2f);
        cosine *= square * square;
        cosine = Add(square, -0.5f, cosine) + Vector<float>.One;
        var k = Vector.ConvertToInt32Native(quarter);
        var odd = Vector.Equals(k & Vector<int>.One, Vector<int>.One);
        return (
            WithSign(Vector.ConditionalSelect(odd, cosine, sine), k),
            WithSign(Vector.ConditionalSelect(odd, sine, cosine), k + Vector<int>.One));
    }

    // Turns the sign around where bit 1 of k is set: in the third and fourth quarter.
    private static Vector<float> WithSign(Vector<float> value, Vector<int> k) =>
        Vector.AsVectorSingle(Vector.AsVectorInt32(value) ^ ((k & new Vector<int>(2)) << 30));

    // A step of Horner's scheme. Written out in the callers: a loop over coefficients would not stay in registers.
    private static Vector<float> Next(Vector<float> sum, Vector<float> x, float coefficient) =>
        Vector.MultiplyAddEstimate(sum, x, new Vector<float>(coefficient));

    private static Vector<float> Add(Vector<float> a, float factor, Vector<float> b) =>
        Vector.MultiplyAddEstimate(a, new Vector<float>(factor), b);
}
