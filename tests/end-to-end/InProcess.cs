namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// The command line in this process, for what would take minutes in processes of its own; one at a time, because the console is
/// shared.
/// </summary>
internal static class InProcess
{
    public static Outcome Run(params string[] arguments)
    {
        lock (typeof(Console))
        {
            var (output, errors) = (Console.Out, Console.Error);
            using StringWriter ours = new(), oursToo = new();
            Console.SetOut(ours);
            Console.SetError(oursToo);
            try
            {
                return new Outcome(Cli.Program.Main(arguments), ours.ToString(), oursToo.ToString());
            }
            finally
            {
                Console.SetOut(output);
                Console.SetError(errors);
            }
        }
    }
}
