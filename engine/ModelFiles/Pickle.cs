using System.Buffers.Binary;
using System.Text;

namespace SharpSeg.Engine.ModelFiles;

/// <summary>
/// A value of a pickle that is not used: an object of some Python class, or the result of a call that was not made. It is an
/// error only where a number, a text or a tensor is expected.
/// </summary>
/// <param name="What">What it would have been in Python, for messages.</param>
public sealed record PickleOpaque(string What);

/// <summary>
/// Python's pickle format as data, protocols 2 to 5: numbers, texts, lists, tuples, dictionaries, and descriptions of tensors. It
/// is a program for a stack machine that may ask for any function to be called; this reader calls none. Two functions are
/// understood (an ordered dictionary, a tensor over a storage), all others give a <see cref="PickleOpaque"/>.
/// <para>
/// Values: null, bool, long, double, string, byte[], <c>List&lt;object?&gt;</c> (a list), <c>object?[]</c> (a tuple),
/// <c>OrderedDictionary&lt;string, object?&gt;</c> (a dictionary's entries with text keys; others are left out),
/// <see cref="TorchTensor"/>, <see cref="PickleOpaque"/>. Lists and dictionaries may contain themselves: look up, never walk.
/// </para>
/// Source: CPython, Lib/pickletools.py; PyTorch, torch/serialization.py and torch/_utils.py.
/// </summary>
internal sealed class Pickle
{
    // A training log of thousands of epochs stays far below. Every operation takes a byte at least and makes at most one small
    // object.
    private const int MostOperations = 4_000_000, DeepestStack = 1_000_000;

    private readonly byte[] bytes;
    private readonly List<object?> stack = [];
    private readonly Stack<int> marks = new();
    private readonly Dictionary<int, object?> memo = [];
    private int at;

    private Pickle(byte[] bytes) => this.bytes = bytes;

    /// <summary>The longest pickle that is read, bytes.</summary>
    public const int MostBytes = 32 << 20;

    /// <summary>Runs the program.</summary>
    /// <exception cref="InvalidDataException">It is not such a program, or it demands more than any checkpoint does.</exception>
    public static object? Read(byte[] bytes) => new Pickle(bytes).Run();

    private object? Run()
    {
        for (var operations = 0; operations < MostOperations; operations++)
        {
            var start = at;
            var op = Take(1)[0];
            if (op == '.')
            {
                return Pop();
            }

            if (!RunConstant(op) && !RunStructure(op))
            {
                throw new InvalidDataException(
                    $"the pickle has the operation 0x{op:x2} at byte {start}, which no checkpoint needs");
            }

            if (stack.Count > DeepestStack)
            {
                throw new InvalidDataException($"the pickle stacks more than {DeepestStack} values");
            }
        }

        throw new InvalidDataException($"the pickle has more than {MostOperations} operations");
    }

    /// <summary>Operations that push a value of their own.</summary>
    private bool RunConstant(byte op)
    {
        switch (op)
        {
            case (byte)'N': stack.Add(null); break;                                                          // NONE
            case 0x88: stack.Add(true); break;                                                               // NEWTRUE
            case 0x89: stack.Add(false); break;                                                              // NEWFALSE
            case (byte)'K': stack.Add((long)Take(1)[0]); break;                                              // BININT1
            case (byte)'M': stack.Add((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2))); break;        // BININT2
            case (byte)'J': stack.Add((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4))); break;         // BININT
            case 0x8a: stack.Add(Long(Take(Take(1)[0]))); break;                                             // LONG1
            case (byte)'G': stack.Add(BinaryPrimitives.ReadDoubleBigEndian(Take(8))); break;                 // BINFLOAT
            case 0x8c: stack.Add(Text(Take(Take(1)[0]))); break;                                             // SHORT_BINUNICODE
            case (byte)'X': stack.Add(Text(Take(Length4()))); break;                                         // BINUNICODE
            case 0x8d: stack.Add(Text(Take(Length8()))); break;                                              // BINUNICODE8
            case (byte)'C': stack.Add(Take(Take(1)[0]).ToArray()); break;                                    // SHORT_BINBYTES
            case (byte)'B': stack.Add(Take(Length4()).ToArray()); break;                                     // BINBYTES
            case 0x8e: stack.Add(Take(Length8()).ToArray()); break;                                          // BINBYTES8
            case (byte)'}': stack.Add(new OrderedDictionary<string, object?>(StringComparer.Ordinal)); break; // EMPTY_DICT
            case (byte)']': stack.Add(new List<object?>()); break;                                           // EMPTY_LIST
            case (byte)')': stack.Add(Array.Empty<object?>()); break;                                        // EMPTY_TUPLE
            case 0x8f: stack.Add(new PickleOpaque("a set")); break;                                          // EMPTY_SET
            case (byte)'c': stack.Add(new Global(Line(), Line())); break;                                    // GLOBAL
            default: return false;
        }

        return true;
    }

    /// <summary>Operations on the stack and the memo.</summary>
    private bool RunStructure(byte op)
    {
        switch (op)
        {
            case 0x80: RequireProtocol(Take(1)[0]); break;                                                   // PROTO
            case 0x95: Take(8); break;                                                                       // FRAME
            case (byte)'(': marks.Push(stack.Count); break;                                                  // MARK
            case (byte)'0': Pop(); break;                                                                    // POP
            case (byte)'1': PopMark(); break;                                                                // POP_MARK
            case (byte)'2': stack.Add(Peek(1)); break;                                                       // DUP
            case (byte)'t': stack.Add(PopMark()); break;                                                     // TUPLE
            case 0x85: stack.Add(PopLast(1)); break;                                                         // TUPLE1
            case 0x86: stack.Add(PopLast(2)); break;                                                         // TUPLE2
            case 0x87: stack.Add(PopLast(3)); break;                                                         // TUPLE3
            case 0x91: PopMark(); stack.Add(new PickleOpaque("a set")); break;                               // FROZENSET
            case (byte)'q': memo[Take(1)[0]] = Peek(1); break;                                               // BINPUT
            case (byte)'r': memo[Length4()] = Peek(1); break;                                                // LONG_BINPUT
            case 0x94: memo[memo.Count] = Peek(1); break;                                                    // MEMOIZE
            case (byte)'h': stack.Add(Recall(Take(1)[0])); break;                                            // BINGET
            case (byte)'j': stack.Add(Recall(Length4())); break;                                             // LONG_BINGET
            case 0x93: StackGlobal(); break;                                                                 // STACK_GLOBAL
            case (byte)'Q': stack.Add(TorchStorage.FromPersistentId(Pop())); break;                          // BINPERSID
            case (byte)'R': Call(PopLast(2)); break;                                                         // REDUCE
            case 0x81: Call(PopLast(2)); break;                                                              // NEWOBJ
            case 0x92: Call(PopLast(3)); break;                                                              // NEWOBJ_EX
            // BUILD: attributes of objects are of no use here
            case (byte)'b': Pop(); Peek(1); break;
            case (byte)'s': Set(PopLast(2)); break;                                                          // SETITEM
            case (byte)'u': Set(PopMark()); break;                                                           // SETITEMS
            case (byte)'a': Append(PopLast(1)); break;                                                       // APPEND
            case (byte)'e': Append(PopMark()); break;                                                        // APPENDS
            case 0x90: PopMark(); Peek(1); break;                                                            // ADDITEMS of a set
            default: return false;
        }

        return true;
    }

    private void Call(object?[] call) => stack.Add(call[0] switch
    {
        Global(Module: "collections", Name: "OrderedDict") => OrderedDictionary(call[1] as object?[] ?? []),
        Global(Module: "torch._utils", Name: "_rebuild_tensor_v2") => TorchTensor.FromArguments(call[1] as object?[] ?? []),
        Global(Module: "torch._utils", Name: "_rebuild_parameter")
            when call[1] is object?[] { Length: > 0 } arguments => arguments[0],
        Global g => new PickleOpaque($"{g.Module}.{g.Name}"),
        var other => other as PickleOpaque ?? new PickleOpaque("the result of a call"),
    });

    // OrderedDict() is filled by SETITEMS; old pickles give OrderedDict([[key, value], …]).
    private static OrderedDictionary<string, object?> OrderedDictionary(object?[] arguments)
    {
        var result = new OrderedDictionary<string, object?>(StringComparer.Ordinal);
        foreach (var pair in arguments is [IReadOnlyList<object?> pairs, ..] ? pairs : [])
        {
            if (pair is IReadOnlyList<object?> and [string key, var value])
            {
                result[key] = value;
            }
        }

        return result;
    }

    private void Set(object?[] pairs)
    {
        if (pairs.Length % 2 != 0)
        {
            throw new InvalidDataException($"the pickle gives a dictionary a key without a value (byte {at})");
        }

        if (Peek(1) is OrderedDictionary<string, object?> target)
        {
            for (var i = 0; i < pairs.Length; i += 2)
            {
                if (pairs[i] is string key)
                {
                    target[key] = pairs[i + 1];
                }
            }
        }
    }

    private void Append(object?[] items) => (Peek(1) as List<object?>)?.AddRange(items);

    private void StackGlobal()
    {
        var names = PopLast(2);
        stack.Add(names is [string module, string name]
            ? new Global(module, name)
            : throw new InvalidDataException($"the pickle names a class by something that is not a text (byte {at})"));
    }

    private object? Recall(int key) => memo.TryGetValue(key, out var value)
        ? value
        : throw new InvalidDataException($"the pickle recalls the value {key}, which it never kept (byte {at})");

    private object? Peek(int depth) => stack.Count >= depth + Floor
        ? stack[^depth]
        : throw new InvalidDataException($"the pickle takes a value from an empty stack (byte {at})");

    private object? Pop()
    {
        var value = Peek(1);
        stack.RemoveAt(stack.Count - 1);
        return value;
    }

    private object?[] PopLast(int count)
    {
        Peek(count);
        return Cut(stack.Count - count);
    }

    private object?[] PopMark() => marks.TryPop(out var mark)
        ? Cut(mark)
        : throw new InvalidDataException($"the pickle ends a list that it never began (byte {at})");

    // What lies below the innermost mark belongs to the list around it.
    private int Floor => marks.TryPeek(out var mark) ? mark : 0;

    private object?[] Cut(int from)
    {
        var values = stack.GetRange(from, stack.Count - from).ToArray();
        stack.RemoveRange(from, stack.Count - from);
        return values;
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > bytes.Length - at)
        {
            throw new InvalidDataException(
                $"the pickle ends where {count} more bytes are expected (byte {at} of {bytes.Length})");
        }

        at += count;
        return bytes.AsSpan(at - count, count);
    }

    private int Length4() => Length(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)));

    private int Length8() => Length(BinaryPrimitives.ReadUInt64LittleEndian(Take(8)));

    private int Length(ulong length) => length <= int.MaxValue
        ? (int)length
        : throw new InvalidDataException($"the pickle claims a length of {length} (byte {at})");

    private static object Long(ReadOnlySpan<byte> little)
    {
        if (little.Length > sizeof(long))
        {
            return new PickleOpaque("a number of more than 64 bits");
        }

        var value = little.Length > 0 && little[^1] >= 0x80 ? -1L : 0L;                                      // two's complement
        for (var i = little.Length - 1; i >= 0; i--)
        {
            value = (value << 8) | little[i];
        }

        return value;
    }

    private static string Text(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8);

    private string Line()
    {
        var length = bytes.AsSpan(at).IndexOf((byte)'\n');
        if (length < 0)
        {
            throw new InvalidDataException($"the pickle ends inside a name (byte {at})");
        }

        var text = Text(Take(length));
        at++;
        return text;
    }

    private static void RequireProtocol(int version)
    {
        if (version > 5)
        {
            throw new InvalidDataException($"a pickle of protocol {version}; 2 to 5 are read");
        }
    }

    /// <summary>A class or function by its name; never looked up.</summary>
    internal sealed record Global(string Module, string Name);
}
