using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

public abstract partial class Backend
{
    /// <summary>
    /// y ← a·x + b·y, element by element; b = 0 overwrites y whatever it contains. Here and in sums, blocks and joins below, all
    /// tensors may be what <see cref="Activations"/> says, but all of them.
    /// </summary>
    public void Axpby(float a, Tensor x, float b, Tensor y)
    {
        RequireActivation(y, y.Shape, nameof(y));
        ShapeException.Require(x, y.Shape, y.Element, nameof(x));
        AxpbyCore(a, x, b, y);
    }

    /// <summary>Joins a residual block: y = leaky(a + b), leaky(z) = z &gt; 0 ? z : slope·z. y may be a or b itself.</summary>
    public void AddLeakyReluForward(Tensor a, Tensor b, float slope, Tensor y)
    {
        RequireActivation(y, y.Shape, nameof(y));
        ShapeException.Require(a, y.Shape, y.Element, nameof(a));
        ShapeException.Require(b, y.Shape, y.Element, nameof(b));
        AddLeakyReluForwardCore(a, b, slope, y);
    }

    /// <summary>
    /// d = dy·(y &gt; 0 ? 1 : slope), the gradient with respect to the sum and hence to either addend. The slope is positive, so
    /// the sign of y is the sign of the sum. d may be dy itself.
    /// </summary>
    public void AddLeakyReluBackward(Tensor dy, Tensor y, float slope, Tensor d)
    {
        RequireActivation(y, y.Shape, nameof(y));
        ShapeException.Require(dy, y.Shape, y.Element, nameof(dy));
        ShapeException.Require(d, y.Shape, y.Element, nameof(d));
        AddLeakyReluBackwardCore(dy, y, slope, d);
    }

    /// <summary>
    /// Sums blocks: y[i] = scale·Σ_{0≤r&lt;block} x[block·i + r] per channel. Average pooling with scale = 1/Πblock; the backward
    /// pass of nearest up-sampling with scale = 1. The spatial size of x must be a multiple of the block.
    /// </summary>
    public void BlockSum(Tensor x, Extent block, float scale, Tensor y, bool accumulate)
    {
        RequireBlocks(fine: x, coarse: y, block);
        BlockSumCore(x, block, scale, y, accumulate);
    }

    /// <summary>
    /// Repeats voxels: y[block·i + r] = scale·x[i]. Nearest up-sampling with scale = 1; the backward pass of average pooling with
    /// scale = 1/Πblock.
    /// </summary>
    public void BlockRepeat(Tensor x, Extent block, float scale, Tensor y, bool accumulate)
    {
        RequireBlocks(fine: y, coarse: x, block);
        BlockRepeatCore(x, block, scale, y, accumulate);
    }

    /// <summary>y = x mirrored along the marked spatial axes. y may not be x.</summary>
    public void Flip(Tensor x, bool alongZ, bool alongY, bool alongX, Tensor y)
    {
        RequireFloat32(y, nameof(y));
        ShapeException.Require(x, y.Shape, nameof(x));
        FlipCore(x, alongZ, alongY, alongX, y);
    }

    /// <inheritdoc cref="Axpby"/>
    protected abstract void AxpbyCore(float a, Tensor x, float b, Tensor y);

    /// <inheritdoc cref="AddLeakyReluForward"/>
    protected abstract void AddLeakyReluForwardCore(Tensor a, Tensor b, float slope, Tensor y);

    /// <inheritdoc cref="AddLeakyReluBackward"/>
    protected abstract void AddLeakyReluBackwardCore(Tensor dy, Tensor y, float slope, Tensor d);

    /// <inheritdoc cref="BlockSum"/>
    protected abstract void BlockSumCore(Tensor x, Extent block, float scale, Tensor y, bool accumulate);

    /// <inheritdoc cref="BlockRepeat"/>
    protected abstract void BlockRepeatCore(Tensor x, Extent block, float scale, Tensor y, bool accumulate);

    /// <inheritdoc cref="Flip"/>
    protected abstract void FlipCore(Tensor x, bool alongZ, bool alongY, bool alongX, Tensor y);

    private void RequireBlocks(Tensor fine, Tensor coarse, Extent block)
    {
        RequireActivation(coarse, coarse.Shape, nameof(coarse));
        var (f, c) = (fine.Shape, coarse.Shape);
        if (f.N != c.N || f.C != c.C || f.Spatial != c.Spatial.Times(block))
        {
            throw new ShapeException($"blocks of {block}: {f} is not {c} times the block");
        }

        ShapeException.Require(fine, f, coarse.Element, nameof(fine));
    }
}
