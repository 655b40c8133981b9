namespace ILGPU.Runtime;

/// <summary>A failure of the device or its driver. The sanitizer throws it only where a test asks for it.</summary>
public class AcceleratorException : Exception
{
    /// <summary>A failure without words.</summary>
    public AcceleratorException()
    {
    }

    /// <summary>A failure.</summary>
    public AcceleratorException(string message)
        : base(message)
    {
    }

    /// <summary>A failure and its cause.</summary>
    public AcceleratorException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
