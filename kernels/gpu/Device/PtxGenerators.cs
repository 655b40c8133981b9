using System.Reflection;
using ILGPU;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;
using ILGPU.IR.Values;
using SharpSeg.Kernels.Gpu.Convolution;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// The PTX of the methods that are marked as intrinsics: <see cref="ReadOnlyMemory"/>, <see cref="GlobalMemory"/>,
/// <see cref="AsyncCopies"/>, <see cref="TensorInstructions"/> and the reads of fragments (<see cref="SharedFragments"/>,
/// <see cref="PackedFragments"/>).
/// Generators get the call's arguments as registers, a structure as its fields' registers in order, a reference as its address.
/// </summary>
internal static class PtxGenerators
{
    private const BindingFlags Any = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>Registers the methods with a context's compilers.</summary>
    public static Context.Builder EnableOwnInstructions(this Context.Builder builder)
    {
        var manager = builder.GetIntrinsicManager();
        foreach (var method in new[] { nameof(ReadOnlyMemory.Four), nameof(ReadOnlyMemory.Two), nameof(ReadOnlyMemory.One) })
        {
            var target = typeof(ReadOnlyMemory).GetMethod(method, Any)!;
            manager.RegisterMethod(
                target, new PTXIntrinsic(typeof(PtxGenerators), method, IntrinsicImplementationMode.GenerateCode));
            manager.RegisterMethod(
                target, new CLIntrinsic(typeof(ReadOnlyMemory), $"Plain{method}", IntrinsicImplementationMode.Redirect));
        }

        foreach (var method in new[]
        {
            nameof(TensorInstructions.ToTf32), nameof(TensorInstructions.ToBf16), nameof(TensorInstructions.ToFp16),
            nameof(TensorInstructions.MultiplyTf32), nameof(TensorInstructions.MultiplyBf16),
            nameof(TensorInstructions.MultiplyFp16),
        })
        {
            manager.RegisterMethod(
                typeof(TensorInstructions).GetMethod(method, Any)!,
                new PTXIntrinsic(typeof(PtxGenerators), method, IntrinsicImplementationMode.GenerateCode));
        }

        foreach (var (type, method) in new[]
        {
            (typeof(SharedFragments), nameof(SharedFragments.AddressInShared)),
            (typeof(SharedFragments), nameof(SharedFragments.ReadMatrices)),
            (typeof(SharedFragments), nameof(SharedFragments.ReadMatricesTransposed)),
            (typeof(PackedFragments), nameof(PackedFragments.AddressInGlobal)),
            (typeof(PackedFragments), nameof(PackedFragments.ReadFragment)),
            (typeof(AsyncCopies), nameof(AsyncCopies.Copy)),
            (typeof(AsyncCopies), nameof(AsyncCopies.Commit)),
            (typeof(AsyncCopies), nameof(AsyncCopies.Await)),
            (typeof(GlobalMemory), nameof(GlobalMemory.LoadFour)),
            (typeof(GlobalMemory), nameof(GlobalMemory.StoreFour)),
            (typeof(GlobalMemory), nameof(GlobalMemory.LoadTwo)),
            (typeof(GlobalMemory), nameof(GlobalMemory.StoreTwo)),
            (typeof(GlobalMemory), nameof(GlobalMemory.LoadOne)),
            (typeof(GlobalMemory), nameof(GlobalMemory.StoreOne)),
        })
        {
            manager.RegisterMethod(
                type.GetMethod(method, Any)!,
                new PTXIntrinsic(typeof(PtxGenerators), method, IntrinsicImplementationMode.GenerateCode));
        }

        return builder;
    }

    private static void Four(PTXBackend backend, PTXCodeGenerator code, Value value) =>
        LoadVector(code, value, "ld.global.nc.v4.f32");

    private static void Two(PTXBackend backend, PTXCodeGenerator code, Value value) =>
        LoadVector(code, value, "ld.global.nc.v2.f32");

    private static void LoadVector(PTXCodeGenerator code, Value value, string instruction)
    {
        var address = code.LoadHardware(value.Nodes[0]);
        using var command = code.BeginCommand(instruction);
        command.AppendVectorArgument(Result(code, value));
        command.AppendArgumentValue(address);
    }

    private static void StoreVector(PTXCodeGenerator code, Value value, string instruction)
    {
        var address = code.LoadHardware(value.Nodes[0]);
        var elements = Fields(code, value, 1);
        using var command = code.BeginCommand(instruction);
        command.AppendArgumentValue(address);
        command.AppendVectorArgument(elements);
    }

    private static void One(PTXBackend backend, PTXCodeGenerator code, Value value) =>
        LoadElement(code, value, "ld.global.nc.f32");

    private static void LoadElement(PTXCodeGenerator code, Value value, string instruction)
    {
        var address = code.LoadHardware(value.Nodes[0]);
        using var command = code.BeginCommand(instruction);
        command.AppendArgument(Result(code, value)[0]);
        command.AppendArgumentValue(address);
    }

    private static void LoadFour(PTXBackend backend, PTXCodeGenerator code, Value value) =>
        LoadVector(code, value, "ld.global.v4.f32");

    private static void StoreFour(PTXBackend backend, PTXCodeGenerator code, Value value) =>
        StoreVector(code, value, "st.global.v4.f32");

    private static void LoadTwo(PTXBackend backend, PTXCodeGenerator code, Value value) =>
        LoadVector(code, value, "ld.global.v2.f32");

    private static void StoreTwo(PTXBackend backend, PTXCodeGenerator code, Value value) =>
        StoreVector(code, value, "st.global.v2.f32");

    private static void LoadOne(PTXBackend backend, PTXCodeGenerator code, Value value) =>
        LoadElement(code, value, "ld.global.f32");

    private static void StoreOne(PTXBackend backend, PTXCodeGenerator code, Value value)
    {
        var address = code.LoadHardware(value.Nodes[0]);
        var element = code.LoadHardware(value.Nodes[1]);
        using var command = code.BeginCommand("st.global.f32");
        command.AppendArgumentValue(address);
        command.AppendArgument(element);
    }

    private static void Copy(PTXBackend backend, PTXCodeGenerator code, Value value)
    {
        const int bytes = 16;
        var to = code.LoadHardware(value.Nodes[0]);       // an address in the window already
        var from = code.LoadHardware(value.Nodes[1]);
        var read = code.LoadHardware(value.Nodes[2]);
        using var command = code.BeginCommand("cp.async.cg.shared.global");
        command.AppendArgumentValue(to);
        command.AppendArgumentValue(from);
        command.AppendConstant(bytes);
        command.AppendArgument(read);
    }

    private static void Commit(PTXBackend backend, PTXCodeGenerator code, Value value) =>
        code.Command("cp.async.commit_group");

    private static void Await(PTXBackend backend, PTXCodeGenerator code, Value value)
    {
        using var command = code.BeginCommand("cp.async.wait_group");
        command.AppendConstant(0);                        // groups that may still be on their way
    }

    private static void ToTf32(PTXBackend backend, PTXCodeGenerator code, Value value) =>
        Convert(code, value, "cvt.rna.tf32.f32");

    private static void ToBf16(PTXBackend backend, PTXCodeGenerator code, Value value) =>
        Convert(code, value, "cvt.rn.bf16x2.f32");

    private static void ToFp16(PTXBackend backend, PTXCodeGenerator code, Value value) =>
        Convert(code, value, "cvt.rn.f16x2.f32");

    private static void Convert(PTXCodeGenerator code, Value value, string instruction)
    {
        var arguments = Enumerable.Range(0, value.Count).Select(i => code.LoadHardware(value.Nodes[i])).ToArray();
        var result = Result(code, value)[0];
        using var command = code.BeginCommand(instruction);
        command.AppendArgument(result);
        foreach (var argument in arguments)
        {
            command.AppendArgument(argument);
        }
    }

    private static void MultiplyTf32(PTXBackend backend, PTXCodeGenerator code, Value value) =>
        Multiply(code, value, "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32");

    private static void MultiplyBf16(PTXBackend backend, PTXCodeGenerator code, Value value) =>
        Multiply(code, value, "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32");

    private static void MultiplyFp16(PTXBackend backend, PTXCodeGenerator code, Value value) =>
        Multiply(code, value, "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32");

    private static void Multiply(PTXCodeGenerator code, Value value, string instruction)
    {
        var (sums, a) = (Fields(code, value, 0), Fields(code, value, 1));
        PTXRegisterAllocator.PrimitiveRegister[] b = [code.LoadHardware(value.Nodes[2]), code.LoadHardware(value.Nodes[3])];
        var result = Result(code, value);
        using var command = code.BeginCommand(instruction);
        command.AppendVectorArgument(result);
        command.AppendVectorArgument(a);
        command.AppendVectorArgument(b);
        command.AppendVectorArgument(sums);
    }

    private static void AddressInShared(PTXBackend backend, PTXCodeGenerator code, Value value) =>
        Convert(code, value, "cvt.u32.u64");              // what arrives is an address in the window already

    private static void AddressInGlobal(PTXBackend backend, PTXCodeGenerator code, Value value) =>
        Convert(code, value, "mov.u64");

    private static void ReadMatrices(PTXBackend backend, PTXCodeGenerator code, Value value) =>
        ReadAt(code, value, "ldmatrix.sync.aligned.m8n8.x4.shared.b16", sizeof(uint));

    private static void ReadMatricesTransposed(PTXBackend backend, PTXCodeGenerator code, Value value) =>
        ReadAt(code, value, "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16", sizeof(uint));

    private static void ReadFragment(PTXBackend backend, PTXCodeGenerator code, Value value) =>
        ReadAt(code, value, "ld.global.nc.v4.b32", 4 * sizeof(uint));

    /// <summary>A read at an address and a constant number of elements behind it.</summary>
    private static void ReadAt(PTXCodeGenerator code, Value value, string instruction, int elementBytes)
    {
        var address = code.LoadHardware(value.Nodes[0]);
        var elements = value.Nodes[1].Resolve() as PrimitiveValue
            ?? throw new NotSupportedException($"{instruction}: the distance is not a constant");
        using var command = code.BeginCommand(instruction);
        command.AppendVectorArgument(Result(code, value));
        command.AppendArgumentValue(address, checked(elements.Int32Value * elementBytes));
    }

    /// <summary>The registers of a structure that is argument number <paramref name="argument"/>.</summary>
    private static PTXRegisterAllocator.PrimitiveRegister[] Fields(PTXCodeGenerator code, Value value, int argument) =>
        [.. Primitives(code.Load(value.Nodes[argument])).Select(code.EnsureHardwareRegister)];

    /// <summary>The registers of the result.</summary>
    private static PTXRegisterAllocator.PrimitiveRegister[] Result(PTXCodeGenerator code, Value value) =>
        [.. Primitives(code.Allocate(value))];

    private static IEnumerable<PTXRegisterAllocator.PrimitiveRegister> Primitives(PTXRegisterAllocator.Register register) =>
        register is PTXRegisterAllocator.CompoundRegister compound
            ? compound.Children.Cast<PTXRegisterAllocator.PrimitiveRegister>()
            : [(PTXRegisterAllocator.PrimitiveRegister)register];
}
