using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;

namespace SharpSeg.AutoPlanner.Tests.Inference;

/// <summary>
/// The network weights of a checkpoint that PyTorch wrote: a zip of a pickle (protocol 2), which describes the tensors, and one
/// file per storage of little-endian float32. Runs the pickle's stack machine on plain data and calls nothing.
/// </summary>
internal static class TorchCheckpoint
{
    /// <summary>Tensors by their names in the state dictionary, in C order.</summary>
    public static Dictionary<string, (int[] Shape, float[] Values)> ReadWeights(string path)
    {
        using var zip = ZipFile.OpenRead(path);
        var pickle = Bytes(zip.Entries.Single(entry => entry.FullName.EndsWith("/data.pkl", StringComparison.Ordinal)));
        var root = (Dictionary<object, object?>)Unpickle(pickle)!;
        var weights = new Dictionary<string, (int[], float[])>();
        foreach (var (name, value) in (Dictionary<object, object?>)root["network_weights"]!)
        {
            // _rebuild_tensor_v2((`storage`, type, key, device, length), offset, size, stride, …)
            var arguments = ((Call)value!).Arguments;
            var storage = (object?[])arguments[0]!;
            var shape = ((object?[])arguments[2]!).Select(size => (int)size!).ToArray();
            var stride = ((object?[])arguments[3]!).Select(step => (int)step!).ToArray();
            for (int axis = shape.Length - 1, expected = 1; axis >= 0; expected *= shape[axis], axis--)
            {
                if (shape[axis] > 1 && stride[axis] != expected)
                {
                    throw new InvalidDataException($"{path}: {name} is not contiguous");
                }
            }

            var data = Bytes(
                zip.Entries.Single(entry => entry.FullName.EndsWith($"/data/{storage[2]}", StringComparison.Ordinal)));
            var count = shape.Aggregate(1, (product, size) => product * size);
            weights[(string)name] = (shape, MemoryMarshal.Cast<byte, float>(data).Slice((int)arguments[1]!, count).ToArray());
        }

        return weights;
    }

    private static byte[] Bytes(ZipArchiveEntry entry)
    {
        using var stream = entry.Open();
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        return memory.ToArray();
    }

    /// <summary>The operations that occur in checkpoints. The reference: CPython, Lib/pickletools.py.</summary>
    private static object? Unpickle(byte[] p)
    {
        var stack = new List<object?>();
        var marks = new Stack<int>();
        var memo = new Dictionary<int, object?>();
        var at = 0;
        while (true)
        {
            var op = p[at++];
            switch ((char)op)
            {
                case '\u0080': at++; break;                                          // PROTO
                case '.': return Pop();                                              // STOP
                case '(': marks.Push(stack.Count); break;                            // MARK
                case '}': stack.Add(new Dictionary<object, object?>()); break;       // EMPTY_DICT
                case ']': stack.Add(new List<object?>()); break;                     // EMPTY_LIST
                case ')': stack.Add(Array.Empty<object?>()); break;                  // EMPTY_TUPLE
                case 't': stack.Add(PopMark()); break;                               // TUPLE
                case '\u0085': stack.Add(PopLast(1)); break;                         // TUPLE1
                case '\u0086': stack.Add(PopLast(2)); break;                         // TUPLE2
                case '\u0087': stack.Add(PopLast(3)); break;                         // TUPLE3
                case '\u0088': stack.Add(true); break;                               // NEWTRUE
                case '\u0089': stack.Add(false); break;                              // NEWFALSE
                case 'N': stack.Add(null); break;                                    // NONE
                case 'K': stack.Add((int)p[at++]); break;                            // BININT1
                case 'M': stack.Add((int)BinaryPrimitives.ReadUInt16LittleEndian(p.AsSpan(at))); at += 2; break; // BININT2
                case 'J': stack.Add(Int()); break;                                   // BININT
                case 'G': stack.Add(BinaryPrimitives.ReadDoubleBigEndian(p.AsSpan(at))); at += 8; break;         // BINFLOAT
                // BINUNICODE
                case 'X': var length = Int(); stack.Add(Encoding.UTF8.GetString(p, at, length)); at += length; break;
                case 'c': stack.Add($"{Line()}.{Line()}"); break;                    // GLOBAL
                case 'q': memo[p[at++]] = stack[^1]; break;                          // BINPUT
                case 'r': memo[Int()] = stack[^1]; break;                            // LONG_BINPUT
                case 'h': stack.Add(memo[p[at++]]); break;                           // BINGET
                case 'j': stack.Add(memo[Int()]); break;                             // LONG_BINGET
                // BINPERSID: the storage's description stands for it
                case 'Q': break;
                case 'R':                                                            // REDUCE
                    var arguments = (object?[])Pop()!;
                    var function = (string)Pop()!;
                    stack.Add(
                        function == "collections.OrderedDict"
                            ? new Dictionary<object, object?>()
                            : new Call(function, arguments));
                    break;
                // BUILD: attributes of objects are of no use here
                case 'b': Pop(); break;
                case 's': Set(PopLast(2)); break;                                    // SETITEM
                case 'u': Set(PopMark()); break;                                     // SETITEMS
                case 'a': ((List<object?>)stack[^2]!).Add(Pop()); break;             // APPEND
                case 'e': var items = PopMark(); ((List<object?>)stack[^1]!).AddRange(items); break; // APPENDS
                default: throw new InvalidDataException($"pickle operation 0x{op:x2} at {at - 1}");
            }
        }

        object? Pop()
        {
            var value = stack[^1];
            stack.RemoveAt(stack.Count - 1);
            return value;
        }

        object?[] PopLast(int count)
        {
            var values = stack.GetRange(stack.Count - count, count).ToArray();
            stack.RemoveRange(stack.Count - count, count);
            return values;
        }

        object?[] PopMark() => PopLast(stack.Count - marks.Pop());

        void Set(object?[] pairs)
        {
            var target = (Dictionary<object, object?>)stack[^1]!;
            for (var i = 0; i < pairs.Length; i += 2)
            {
                target[pairs[i]!] = pairs[i + 1];
            }
        }

        int Int()
        {
            at += 4;
            return BinaryPrimitives.ReadInt32LittleEndian(p.AsSpan(at - 4));
        }

        string Line()
        {
            var end = Array.IndexOf(p, (byte)'\n', at);
            var text = Encoding.ASCII.GetString(p, at, end - at);
            at = end + 1;
            return text;
        }
    }

    /// <summary>A function that the pickle wants called, with its arguments.</summary>
    private sealed record Call(string Function, object?[] Arguments);
}
