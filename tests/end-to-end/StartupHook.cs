// The runtime looks for this name without a namespace in the assemblies of DOTNET_STARTUP_HOOKS, before the program begins.
#pragma warning disable CA1050

/// <summary>
/// Brings an unforeseen failure into the program: on a thread of its own, once the program reads its arguments.
/// </summary>
internal static class StartupHook
{
    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable("SHARPSEG_TEST_FAILURE") is { } message)
        {
            new Thread(() => Fail(message)) { IsBackground = true }.Start();
        }
    }

    private static void Fail(string message)
    {
        while (!AppDomain.CurrentDomain.GetAssemblies().Any(assembly => assembly.GetName().Name == "CommandLine"))
        {
            Thread.Sleep(10);
        }

        throw new InvalidOperationException(message);
    }
}
