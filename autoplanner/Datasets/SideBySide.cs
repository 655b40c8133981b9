using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Datasets;

/// <summary>What work on a case takes.</summary>
/// <param name="CaseId">Its name.</param>
/// <param name="File">The file that decides how much it is, for messages.</param>
/// <param name="Bytes">At the most at one moment, without the program.</param>
internal sealed record CaseNeed(string CaseId, string File, long Bytes)
{
    /// <summary>The need by a file's header; 0 if it cannot be read, which is reported when its turn comes.</summary>
    public static CaseNeed Of(string caseId, string file, Func<ImageGeometry, long> bytes)
    {
        try
        {
            return new CaseNeed(caseId, file, bytes(ImageFile.ReadGeometry(file)));
        }
        catch (SharpSegException)
        {
            return new CaseNeed(caseId, file, 0);
        }
    }
}

/// <summary>
/// How many cases are worked on side by side so that their memory fits (docs/method/memory.md §1). Says what the largest takes,
/// and refuses a case that does not fit alone.
/// </summary>
internal sealed class SideBySide
{
    private const long LargeCase = 64L << 20;             // bytes; a collection takes milliseconds

    private readonly IReadOnlyList<CaseNeed> needs;
    private readonly string remedy;
    private readonly MemoryBudget budget;
    private readonly long program;

    private SideBySide(IReadOnlyList<CaseNeed> needs, MemoryBudget budget, string remedy, long program, int workers) =>
        (this.needs, this.budget, this.remedy, this.program, Workers) = (needs, budget, remedy, program, workers);

    /// <summary>Memory beside the program.</summary>
    public long BytesForCases => Math.Max(1, budget.Bytes - program);

    /// <summary>How many of the largest cases fit at a time, at most one per core; 1 or more.</summary>
    public int Workers { get; }

    /// <summary>Need of a case.</summary>
    public long this[int index] => needs[index].Bytes;

    /// <summary>Plans.</summary>
    /// <param name="needs">All cases.</param>
    /// <param name="budget">What may be taken.</param>
    /// <param name="remedy">What would need less.</param>
    /// <param name="info">Receives one line.</param>
    /// <param name="workers">Maximum number of cores; 0 = all.</param>
    /// <param name="diskBytes">What is written, at most; 0 says nothing.</param>
    /// <param name="program">Bytes of the program itself.</param>
    /// <exception cref="SharpSegException">A case does not fit alone.</exception>
    public static SideBySide Plan(
        IReadOnlyList<CaseNeed> needs, MemoryBudget budget, string remedy, Action<string>? info, int workers = 0,
        long diskBytes = 0, long program = MemoryBudget.ProgramBytes)
    {
        var largest = needs.MaxBy(need => need.Bytes) ?? new CaseNeed("", "", 0);
        budget.Require(largest.Bytes + program, largest.File, remedy);
        var forCases = Math.Max(1, budget.Bytes - program);
        var most = Math.Min(workers > 0 ? workers : Environment.ProcessorCount, Math.Max(1, needs.Count));
        var atOnce = (int)Math.Clamp(forCases / Math.Max(1, largest.Bytes), 1, most);
        info?.Invoke(
            $"memory: {MemoryBudget.Text(largest.Bytes)} for the largest case, `{largest.CaseId}`, "
                + $"{MemoryBudget.Text(program + (atOnce * largest.Bytes))} of "
                + $"{MemoryBudget.Text(budget.Bytes)} with {atOnce} side by side"
            + (diskBytes > 0 ? $"; disk at most {MemoryBudget.Text(diskBytes)}" : ""));
        return new SideBySide(needs, budget, remedy, program, atOnce);
    }

    /// <summary>Works on a case; where memory runs out all the same, says for which file.</summary>
    public T Run<T>(int index, Func<T> work)
    {
        var need = needs[index];
        if (need.Bytes > LargeCase)
        {
            MemoryBudget.GiveBack();                      // what cases before it took
        }

        return MemoryBudget.Guard(
            need.File, need.Bytes + program,
            Workers > 1 ? $"set --max-memory to what is really free, so that fewer cases go side by side; or {remedy}" : remedy,
            work);
    }

    /// <summary>Refuses a case that takes more than its header let expect, before it does: noise may.</summary>
    /// <param name="index">The case.</param>
    /// <param name="bytes">What it takes, without the program.</param>
    /// <exception cref="SharpSegException">It does not fit.</exception>
    public void Require(int index, long bytes) =>
        budget.Require(program + (bytes > needs[index].Bytes ? Workers * bytes : bytes), needs[index].File, remedy);

    /// <summary>As the other, without a result.</summary>
    public void Run(int index, Action work) => Run(index, () =>
    {
        work();
        return true;
    });
}
