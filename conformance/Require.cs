namespace SharpSeg.Conformance;

/// <summary>The few assertions that checks make besides comparing tensors.</summary>
public static class Require
{
    /// <summary>The condition holds.</summary>
    public static void True(bool condition, string message = "a condition does not hold")
    {
        if (!condition)
        {
            throw new ConformanceException(message);
        }
    }

    /// <summary>The condition does not hold.</summary>
    public static void False(bool condition, string message = "a condition holds that must not") => True(!condition, message);

    /// <summary>Both are the same.</summary>
    public static void Equal<T>(T expected, T actual) =>
        True(
            EqualityComparer<T>.Default.Equals(expected, actual),
            FormattableString.Invariant($"expected {expected}, not {actual}"));

    /// <summary>Every value satisfies an assertion.</summary>
    public static void All<T>(IEnumerable<T> values, Action<T> claim)
    {
        foreach (var value in values)
        {
            claim(value);
        }
    }

    /// <summary>The text does not contain the character.</summary>
    public static void DoesNotContain(char unwanted, string text) =>
        True(!text.Contains(unwanted, StringComparison.Ordinal), $"`{text}` contains the character {(int)unwanted}");

    /// <summary>The action throws exactly this exception.</summary>
    public static void Throws<TException>(Action action)
        where TException : Exception
    {
        Exception? thrown = null;
        try
        {
            action();
        }
        catch (Exception e)
        {
            thrown = e;
        }

        True(
            thrown is not null && thrown.GetType() == typeof(TException),
            $"expected {typeof(TException).Name}, not {(thrown is null ? "success" : thrown.ToString())}");
    }
}
