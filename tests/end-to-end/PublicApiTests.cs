using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// What the packages promise to those who build on them is listed in a file each, so that it changes only on purpose: the library
/// with the devices that it opens, the autoplanner, the engine.
/// </summary>
[Trait("Tier", "quick")]
public sealed class PublicApiTests
{
    [Theory]
    [InlineData("library", "SharpSeg.Library", "SharpSeg.Kernels.Cpu", "SharpSeg.Kernels.Gpu")]
    [InlineData("autoplanner", "SharpSeg.AutoPlanner")]
    [InlineData("engine", "SharpSeg.Engine")]
    public void The_public_interface_is_the_one_that_is_listed(string folder, params string[] assemblies)
    {
        var actual = string.Concat(assemblies.Select(name => Describe(Assembly.Load(name))));
        var file = Path.Combine(Checkout.Root, folder, "PublicApi.txt");
        var listed = File.Exists(file) ? File.ReadAllText(file).ReplaceLineEndings("\n") : "";
        var proposal = Path.Combine(Path.GetTempPath(), $"sharpseg-{folder}-PublicApi.txt");
        if (actual != listed)
        {
            File.WriteAllText(proposal, actual);
        }

        var (are, were) = (actual.Split('\n'), listed.Split('\n'));
        Assert.True(
            actual == listed,
            $"new: {string.Join("\n     ", are.Except(were))}\ngone: {string.Join("\n      ", were.Except(are))}\n"
                + $"if that is meant: cp {proposal} {folder}/PublicApi.txt, and a line in CHANGELOG.md");
    }

    private static string Describe(Assembly assembly)
    {
        var text = new StringBuilder($"# {assembly.GetName().Name}\n");
        foreach (var type in assembly.GetExportedTypes().OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            text.Append($"\n{Kind(type)} {Name(type)}{Bases(type)}\n");
            var members = type.GetMembers(
                BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static
                    | BindingFlags.DeclaredOnly)
                .Select(Line).OfType<string>().Distinct().Order(StringComparer.Ordinal);
            foreach (var line in members)
            {
                text.Append($"    {line}\n");
            }
        }

        return text.Append('\n').ToString();
    }

    private static string Kind(Type type) =>
        type.IsInterface ? "interface"
        : type.IsEnum ? "enum"
        : type.IsSubclassOf(typeof(Delegate)) ? "delegate"
        : type.IsValueType ? "struct"
        : type is { IsAbstract: true, IsSealed: true } ? "static class"
        : type.IsSealed ? "sealed class" : type.IsAbstract ? "abstract class" : "class";

    private static string Bases(Type type)
    {
        var bases = new[] { type.BaseType }.Where(b => b is not null && !IsImplied(b)).Concat(type.GetInterfaces())
            .Where(b => type is { IsEnum: false }).Select(b => Name(b!)).Order(StringComparer.Ordinal).ToArray();
        return bases.Length == 0 ? "" : $" : {string.Join(", ", bases)}";
    }

    private static bool IsImplied(Type type) => type == typeof(object) || type == typeof(ValueType) || type == typeof(Enum);

    // What a record's compiler writes is implied by what it is made of.
    private static string? Line(MemberInfo member) => member switch
    {
        _ when member.IsDefined(typeof(CompilerGeneratedAttribute)) && member is not PropertyInfo => null,
        FieldInfo { IsSpecialName: true } => null,
        FieldInfo field when IsOpen(field.IsPublic, field.IsFamily, field.IsFamilyOrAssembly) =>
            field.IsLiteral ? $"const {Name(field.FieldType)} {field.Name} = {field.GetRawConstantValue()}"
            : $"{(field.IsStatic ? "static " : "")}{Name(field.FieldType)} {field.Name}",
        ConstructorInfo constructor when IsOpen(constructor.IsPublic, constructor.IsFamily, constructor.IsFamilyOrAssembly) =>
            $"new({Parameters(constructor)})",
        PropertyInfo property when property.Name != "EqualityContract" && property.GetMethod is { } get
            && IsOpen(get.IsPublic, get.IsFamily, get.IsFamilyOrAssembly) =>
            $"{(get.IsStatic ? "static " : get.IsAbstract ? "abstract " : "")}{Name(property.PropertyType)} {property.Name}"
                + $"{(property.GetIndexParameters().Length > 0 ? $"[{Parameters(get)}]" : "")} {{ get; {Setter(property)}}}",
        EventInfo change => $"event {Name(change.EventHandlerType!)} {change.Name}",
        MethodInfo { IsSpecialName: false } method when IsOpen(method.IsPublic, method.IsFamily, method.IsFamilyOrAssembly) =>
            $"{(method.IsStatic ? "static " : method.IsAbstract ? "abstract " : "")}{Name(method.ReturnType)} {method.Name}"
                + $"{Generic(method)}({Parameters(method)})",
        _ => null,
    };

    private static bool IsOpen(bool isPublic, bool isFamily, bool isFamilyOrAssembly) =>
        isPublic || isFamily || isFamilyOrAssembly;

    private static string Setter(PropertyInfo property) => property.SetMethod is not { IsPublic: true } set ? ""
        : set.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) ? "init; " : "set; ";

    private static string Generic(MethodInfo method) => method.IsGenericMethod
        ? $"<{string.Join(", ", method.GetGenericArguments().Select(Name))}>" : "";

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(parameter =>
        $"{Name(parameter.ParameterType)} {parameter.Name}{(parameter.HasDefaultValue ? $" = {Default(parameter)}" : "")}"));

    private static string Default(ParameterInfo parameter) => parameter.RawDefaultValue switch
    {
        null => "default",
        string text => $"\"{text}\"",
        bool flag => flag ? "true" : "false",
        var value => $"{value}",
    };

    private static string Name(Type type)
    {
        if (type.IsByRef)
        {
            return $"ref {Name(type.GetElementType()!)}";
        }

        if (type.IsArray)
        {
            return $"{Name(type.GetElementType()!)}[{new string(',', type.GetArrayRank() - 1)}]";
        }

        var own = type.IsNested && !type.IsGenericParameter ? $"{Name(type.DeclaringType!)}.{type.Name}" : type.Name;
        return type.IsGenericType
            ? $"{own.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>"
            : own;
    }
}
