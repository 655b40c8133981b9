using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>What some machines lack.</summary>
public enum Needs
{
    /// <summary>Signals such as SIGINT.</summary>
    Signals,

    /// <summary>Named pipes: files that take for ever to read.</summary>
    NamedPipes,

    /// <summary>Symbolic links.</summary>
    Links,

    /// <summary>bash, which limits the size of the files that a process may write.</summary>
    Bash,

    /// <summary>/proc, a place where not even root can write.</summary>
    Proc,

    /// <summary>Slurm and munge, and the right to start their daemons.</summary>
    Slurm,

    /// <summary>The same, and somebody who waits for minutes.</summary>
    SlurmAndPatience,

    /// <summary>Somebody who waits for minutes while commands are killed.</summary>
    Kills,

    /// <summary>Chromium, which opens pages without a window.</summary>
    Browser,
}

/// <summary>A test that needs something of the machine; skipped, with the reason, where that is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class FactWithAttribute : FactAttribute
{
    public FactWithAttribute(Needs needs) => Skip = Machine.Lacks(needs);
}

/// <summary>As <see cref="FactWithAttribute"/>, for theories.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TheoryWithAttribute : TheoryAttribute
{
    public TheoryWithAttribute(Needs needs) => Skip = Machine.Lacks(needs);
}

internal static class Machine
{
    /// <summary>Why a test cannot run here; null if it can.</summary>
    public static string? Lacks(Needs needs) => needs switch
    {
        Needs.Signals => OperatingSystem.IsWindows() ? "Windows has no signals" : null,
        Needs.NamedPipes => File.Exists("/usr/bin/mkfifo") ? null : "there is no /usr/bin/mkfifo to make a named pipe",
        Needs.Links => OperatingSystem.IsWindows() ? "Windows makes symbolic links only with a privilege" : null,
        Needs.Bash => File.Exists("/bin/bash") ? null : "there is no /bin/bash to limit the size of files",
        Needs.Kills => Machine.Lacks(Needs.Signals) ?? (Environment.GetEnvironmentVariable("SHARPSEG_KILLS") is null
            ? "takes minutes: SHARPSEG_KILLS=10 runs it"
            : null),
        Needs.Browser => Browser.Program is not null ? null : "there is no chromium on the PATH to open a page with",
        Needs.Slurm => SlurmCluster.Lacks,
        Needs.SlurmAndPatience => SlurmCluster.Lacks ?? (Environment.GetEnvironmentVariable("SHARPSEG_TEST_SLURM") == "long"
            ? null
            : "takes minutes: SHARPSEG_TEST_SLURM=long runs it"),
        _ => Directory.Exists("/proc/self") ? null : "there is no /proc, where nothing can be written",
    };
}
