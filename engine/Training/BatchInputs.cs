using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Training;

/// <summary>Where a pass finds images and targets on the device.</summary>
internal abstract class BatchInputs
{
    /// <summary>The images.</summary>
    public abstract Tensor Images(BufferPool pool, Shape shape);

    /// <summary>The target of an output.</summary>
    public abstract Tensor Target(BufferPool pool, int output, Shape shape);

    /// <summary>Called when the pass no longer needs a tensor.</summary>
    public abstract void Return(BufferPool pool, Tensor tensor);
}

/// <summary>Rents memory and fills it when the pass asks.</summary>
/// <param name="loadImages">Fills the batch.</param>
/// <param name="loadTarget">Fills the target of an output.</param>
internal sealed class RentedInputs(Action<Tensor> loadImages, Action<int, Tensor> loadTarget) : BatchInputs
{
    public override Tensor Images(BufferPool pool, Shape shape)
    {
        var images = pool.Rent(shape);
        loadImages(images);
        return images;
    }

    public override Tensor Target(BufferPool pool, int output, Shape shape)
    {
        var target = pool.Rent(shape);
        loadTarget(output, target);
        return target;
    }

    public override void Return(BufferPool pool, Tensor tensor) => pool.Return(tensor);
}
