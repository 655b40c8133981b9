using System.Text;

namespace SharpSeg.Cli;

/// <summary>How words are written to consoles and pipes.</summary>
internal static class OutputEncoding
{
    /// <summary>
    /// UTF-8 on Windows, too: a code page, as pipes and consoles have it there, knows neither × nor the letters of every file
    /// name.
    /// </summary>
    public static void BeUtf8()
    {
        if (OperatingSystem.IsWindows())
        {
            Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        }
    }
}
