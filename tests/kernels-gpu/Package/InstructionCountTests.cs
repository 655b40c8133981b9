using System.Globalization;
using System.Text;
using SharpSeg.Kernels.Gpu.Convolution;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>
/// The inner loops of the tensor-core kernels, counted in their PTX, are those of docs/gpu/instruction-counts.md; and the kernels
/// by bricks keep what they are made for.
/// </summary>
public sealed class InstructionCountTests
{
    private const string Architecture = "sm_80", Page = "docs/gpu/instruction-counts.md";
    private const double FewestMultiplications = 0.4;     // of the instructions of a loop by bricks
    private static readonly string[] ByBricks =
    [
        nameof(BrickConvolution), nameof(BrickWeightGradient), nameof(PhaseConvolution), nameof(PhaseWeightGradient),
        nameof(TransposedConvolution), nameof(TransposedWeightGradient),
    ];

    private static IEnumerable<(string Name, InnerLoop Loop)> Kernels => EmittedPtx.Of(Architecture)
        .Where(kernel => kernel.Assembly.Contains("mma.sync", StringComparison.Ordinal))
        .Select(kernel => (kernel.Name, InnerLoop.Of(kernel.Assembly)));

    [Fact]
    public void Counts_are_those_of_the_page()
    {
        var table = new StringBuilder(
            "| kernel | instructions | mma | share | loads and stores, bytes per thread | generic | shared memory |\n"
                + "|---|---|---|---|---|---|---|\n");
        foreach (var (name, loop) in Kernels)
        {
            table.Append(
                CultureInfo.InvariantCulture,
                $"| {name} | {loop.Instructions} | {loop.Multiplications} | {100 * loop.Share:F0} % | {loop.Accesses} | "
                    + $"{loop.Generic} | {loop.SharedBytes} |\n");
        }

        var page = File.ReadAllText(Path.Combine(Checkout.Root, Page)).ReplaceLineEndings("\n");
        var written = page[page.IndexOf("| kernel |", StringComparison.Ordinal)..];
        var proposal = Path.Combine(Path.GetTempPath(), "sharpseg-instruction-counts.md");
        if (table.ToString() != written)
        {
            File.WriteAllText(proposal, page[..^written.Length] + table);
        }

        Assert.True(table.ToString() == written, $"the kernels have changed; if that is meant: cp {proposal} {Page}");
    }

    [Fact]
    public void Loops_by_bricks_mostly_multiply_in_straight_line_code_on_registers_and_named_memory()
    {
        var bricks = Kernels.Where(kernel => ByBricks.Any(name => kernel.Name.StartsWith(name, StringComparison.Ordinal)))
            .ToList();
        Assert.Equal(
            Gpu.ListKernels().OnTensorCores.Count(kernel => ByBricks.Contains(kernel.Method.DeclaringType!.Name)), bricks.Count);
        Assert.NotEmpty(bricks);
        Assert.All(bricks, kernel =>
        {
            Assert.True(kernel.Loop.Share >= FewestMultiplications, $"{kernel.Name}: {kernel.Loop.Share:P0} multiply");
            Assert.Equal(0, kernel.Loop.Branches);
            Assert.Equal((0, 0), (kernel.Loop.Generic, kernel.Loop.Local));
            Assert.InRange(kernel.Loop.SharedBytes, 1, 48 * 1024);
        });
    }

    [Fact]
    public void Bricks_of_16_bits_in_memory_are_copied_past_the_registers_and_no_others() => Assert.All(
        EmittedPtx.Of(Architecture).Where(
            kernel => ByBricks.Any(name => kernel.Name.StartsWith(name, StringComparison.Ordinal))),
        kernel => Assert.Equal(
            kernel.Name.Contains("Halves", StringComparison.Ordinal),
            kernel.Assembly.Contains("cp.async.cg.shared.global", StringComparison.Ordinal)));

    [Fact]
    public void Counting_knows_blocks_moves_widths_and_predicates()
    {
        const string ptx = """
            .shared .align 16 .b8 __a[64];
            ld.f32 %f1, [%rd1];
            L_1:
            // mma.sync in a comment;
            mov.b32 %r1, 0;
            ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r1, %r2, %r3, %r4}, [%r9];
            ld.global.nc.v4.b32 {%r5, %r6, %r7, %r8}, [%rd2+16];
            @%p2 bra L_2;
            @%p1 st.shared.v2.f32 [%r9], {%f1, %f2};
            mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%f1}, {%r1}, {%r5}, {%f1};
            @%p1 bra L_1;
            bra L_2;
            L_2:
            st.local.f32 [%rd3], %f1;
            ret;
            """;
        Assert.Equal(
            new InnerLoop(7, 1, "1 ld.global 16, 1 ldmatrix 16, 1 st.shared 8", 1, 1, 1, 64), InnerLoop.Of(ptx));
    }
}
