// What a program of .NET can have begun, or can know, when its state is taken. Compiled without the SDK: see build.sh.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices.JavaScript;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

public static unsafe class Probe
{
    static readonly List<string> log = new List<string>();
    static readonly Dictionary<string, int> words = new Dictionary<string, int>();
    static readonly List<Func<int, int>> steps = new List<Func<int, int>>();
    static readonly string madeBefore = Guid.NewGuid().ToString();
    static ITimer timer;
    static int ticks;
    static JSObject held;
    static Task answer;

    // What Main should begin: its arguments.
    public static void Main(string[] wanted)
    {
        for (int id = 0; id < 2000; id++) words["word" + (id * 7919).ToString()] = id;
        for (int step = 1; step <= 20; step++) { int added = step; steps.Add(value => value * 31 + added); }
        foreach (string what in wanted) log.Add(Do(what));
    }

    // One step, by its name and text after a colon.
    internal static string Do(string whole)
    {
        int colon = whole.IndexOf(':');
        string what = colon < 0 ? whole : whole.Substring(0, colon);
        string with = colon < 0 ? "" : whole.Substring(colon + 1);
        if (what == "timer") { timer = TimeProvider.System.CreateTimer(_ => ticks++, null, Milliseconds(with), Milliseconds(with)); return "set"; }
        if (what == "stop") { timer.Dispose(); return "stopped"; }
        if (what == "ticks") return ticks.ToString();
        if (what == "log") return string.Join(" ", log.ToArray());
        if (what == "guid") return Guid.NewGuid().ToString();
        if (what == "guid before") return madeBefore;
        if (what == "hash") return with.GetHashCode().ToString();
        if (what == "words") return words[with].ToString();
        if (what == "local") return TimeZoneInfo.Local.GetUtcOffset(new DateTime(2026, 1, 15, 12, 0, 0)).ToString();
        if (what == "now") return DateTime.UtcNow.Year.ToString();
        if (what == "culture") return CultureInfo.CurrentCulture.Name;
        if (what == "variable") return Environment.GetEnvironmentVariable(with) ?? "none";
        if (what == "delegates") return Delegates(int.Parse(with)).ToString();
        if (what == "garbage") return Garbage(int.Parse(with));
        if (what == "litter") { int length = 0; for (int n = 0; n < 20000; n++) length += ("litter-" + n.ToString()).Length; return length.ToString(); }
        if (what == "throw") return Thrown(int.Parse(with));
        if (what == "throw away") throw new InvalidOperationException(with);
        if (what == "hold") { held = Imported.Object(with); return "held"; }
        if (what == "release") { held.Dispose(); held = null; return "released"; }
        if (what == "module") { string[] parts = with.Split('='); Imported.Module(parts[0], parts[1]).GetAwaiter().UnsafeOnCompleted(Arrived); return "asked for"; }
        if (what == "double") return Imported.Double(int.Parse(with)).ToString();
        if (what == "wait") { answer = Imported.Answer(with); answer.GetAwaiter().UnsafeOnCompleted(Arrived); return "waits"; }
        if (what == "answered") return answer.IsCompleted.ToString();
        throw new ArgumentException(what);
    }

    static void Arrived() { log.Add("arrived"); }

    static TimeSpan Milliseconds(string text) { return new TimeSpan(int.Parse(text) * 10000L); }

    static int Delegates(int value)
    {
        Func<int, int> all = null;
        foreach (Func<int, int> step in steps) { Func<int, int> before = all; all = before == null ? step : number => step(before(number)); }
        Func<int, int> twice = null;
        twice += all;
        twice += number => number;
        return twice(value) + all(value);
    }

    static int thrown;

    static string Thrown(int depth)
    {
        try
        {
            if (depth == 0) { thrown++; throw new InvalidOperationException("at the bottom"); }
            return Thrown(depth - 1) + "<";
        }
        catch (InvalidOperationException error) when (depth % 2 == 1) { return error.Message + depth.ToString(); }
        finally { thrown += depth; }
    }

    sealed class Node { internal Node Next; internal byte[] Bytes; }

    static Node kept;

    // Much is made and dropped, some of it kept: what is kept must stay, whatever is collected.
    static string Garbage(int rounds)
    {
        int sum = 0;
        for (int round = 0; round < rounds; round++)
        {
            Node chain = null;
            for (int index = 0; index < 200; index++) chain = new Node { Next = chain, Bytes = new byte[100 + index] };
            for (Node at = chain; at != null; at = at.Next) at.Bytes[at.Bytes.Length - 1] = (byte)round;
            if (round % 16 == 0) kept = new Node { Next = kept, Bytes = chain.Bytes };
            if (round % 64 == 0) GC.Collect();
        }
        for (Node at = kept; at != null; at = at.Next) sum = sum * 31 + at.Bytes[at.Bytes.Length - 1] + at.Bytes.Length;
        return sum.ToString();
    }

    // Ends after some time, more than once round: as an async method would.
    sealed class Later : IAsyncStateMachine
    {
        internal AsyncTaskMethodBuilder<string> Builder;
        internal int Delay, Rounds;
        internal string Text;
        TaskAwaiter<int> awaiter;
        int round = -1;

        public void MoveNext()
        {
            try
            {
                if (round >= 0) { Text += awaiter.GetResult().ToString(); }
                while (++round < Rounds)
                {
                    awaiter = After(Delay, round).GetAwaiter();
                    if (awaiter.IsCompleted) { Text += awaiter.GetResult().ToString(); continue; }
                    Later self = this;
                    Builder.AwaitUnsafeOnCompleted(ref awaiter, ref self);
                    return;
                }
                if (Delay == 13) throw new InvalidOperationException("after " + Text);
                Builder.SetResult(Text);
            }
            catch (Exception error) { Builder.SetException(error); }
        }

        public void SetStateMachine(IAsyncStateMachine machine) { }
    }

    static Task<int> After(int delay, int value)
    {
        var source = new TaskCompletionSource<int>();
        ITimer one = null;
        one = TimeProvider.System.CreateTimer(_ => { one.Dispose(); source.SetResult(value); }, null, new TimeSpan(delay * 10000L), new TimeSpan(-10000L));
        return source.Task;
    }

    internal static Task<string> Wait(int delay, int rounds)
    {
        var later = new Later { Builder = AsyncTaskMethodBuilder<string>.Create(), Delay = delay, Rounds = rounds, Text = delay.ToString() + ":" };
        later.Builder.Start(ref later);
        return later.Builder.Task;
    }

    // What the build of .NET generates for [JSExport].
    internal static void __Wrapper_Do_1(JSMarshalerArgument* arguments)
    {
        try { string text; arguments[2].ToManaged(out text); arguments[1].ToJS(Do(text)); }
        catch (Exception error) { arguments[0].ToJS(error); }
    }

    internal static void __Wrapper_Wait_2(JSMarshalerArgument* arguments)
    {
        try
        {
            int delay, rounds;
            arguments[2].ToManaged(out delay);
            arguments[3].ToManaged(out rounds);
            arguments[1].ToJS<string>(Wait(delay, rounds), Texts);
        }
        catch (Exception error) { arguments[0].ToJS(error); }
    }

    static void Texts(ref JSMarshalerArgument argument, string text) { argument.ToJS(text); }
}

// What it generates for [JSImport].
static unsafe class Imported
{
    static JSFunctionBinding make, import, twice, wait;

    static JSFunctionBinding Bound(string name, string module, params JSMarshalerType[] types)
    {
        return JSFunctionBinding.BindJSFunction(name, module, new ReadOnlySpan<JSMarshalerType>(types));
    }

    static JSMarshalerArgument[] Blank(int count)
    {
        var arguments = new JSMarshalerArgument[count];
        for (int index = 0; index < count; index++) arguments[index].Initialize();
        return arguments;
    }

    static void Call(JSFunctionBinding function, JSMarshalerArgument[] arguments)
    {
        JSFunctionBinding.InvokeJS(function, new Span<JSMarshalerArgument>(arguments));
    }

    internal static JSObject Object(string name)
    {
        make = make ?? Bound("globalThis.makeObject", null, JSMarshalerType.JSObject, JSMarshalerType.String);
        JSMarshalerArgument[] arguments = Blank(3);
        arguments[2].ToJS(name);
        Call(make, arguments);
        JSObject made;
        arguments[1].ToManaged(out made);
        return made;
    }

    internal static int Double(int value)
    {
        twice = twice ?? Bound("double", "numbers", JSMarshalerType.Int32, JSMarshalerType.Int32);
        JSMarshalerArgument[] arguments = Blank(3);
        arguments[2].ToJS(value);
        Call(twice, arguments);
        int doubled;
        arguments[1].ToManaged(out doubled);
        return doubled;
    }

    // As JSHost.ImportAsync does it.
    internal static Task Module(string name, string address)
    {
        import = import ?? Bound("INTERNAL.dynamic_import", null, JSMarshalerType.Task(JSMarshalerType.JSObject), JSMarshalerType.String, JSMarshalerType.String);
        JSMarshalerArgument[] arguments = Blank(4);
        arguments[2].ToJS(name);
        arguments[3].ToJS(address);
        Call(import, arguments);
        Task<JSObject> task;
        arguments[1].ToManaged<JSObject>(out task, Objects);
        return task;
    }

    // A promise of JavaScript.
    internal static Task Answer(string name)
    {
        wait = wait ?? Bound(name, null, JSMarshalerType.Task());
        JSMarshalerArgument[] arguments = Blank(2);
        Call(wait, arguments);
        Task task;
        arguments[1].ToManaged(out task);
        return task;
    }

    static void Objects(ref JSMarshalerArgument argument, out JSObject made) { argument.ToManaged(out made); }
}

namespace System.Runtime.InteropServices.JavaScript
{
    static class __GeneratedInitializer
    {
        static bool initialized;

        static void __Register_()
        {
            if (initialized) return;
            initialized = true;
            var text = JSMarshalerType.String;
            JSFunctionBinding.BindManagedFunction("[Probe]Probe:Do", 1, new ReadOnlySpan<JSMarshalerType>(new[] { text, text }));
            var number = JSMarshalerType.Int32;
            JSFunctionBinding.BindManagedFunction("[Probe]Probe:Wait", 2, new ReadOnlySpan<JSMarshalerType>(new[] { JSMarshalerType.Task(text), number, number }));
        }
    }
}
