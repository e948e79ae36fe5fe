// A page of Blazor with a timer and calls of JavaScript in both directions. Compiled without the SDK: see build.sh.
using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices.JavaScript;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Rendering;
using Microsoft.AspNetCore.Components.WebAssembly.Hosting;
using Microsoft.JSInterop;

public static class Program
{
    // The entry point is the next method, which this compiler would not take: see entry.py.
    static void Main(string[] arguments) { }

    static Task Start(string[] arguments)
    {
        var builder = WebAssemblyHostBuilder.CreateDefault(arguments);
        builder.RootComponents.Add<Clock>("#app");
        WebAssemblyHost host = builder.Build();
        Early((IJSRuntime)host.Services.GetService(typeof(IJSRuntime)), Environment.GetEnvironmentVariable("EARLY") ?? "");
        var ended = new TaskCompletionSource<int>();
        CapturePoint.Reached().GetAwaiter().UnsafeOnCompleted(() => host.RunAsync());
        return ended.Task;
    }

    // What should come after the capture.
    static void Early(IJSRuntime script, string what)
    {
        if (what == "call") script.InvokeAsync<string>("clock.greet", "early");
        if (what == "module") script.InvokeAsync<IJSObjectReference>("import", "./clock.js");
        if (what == "reference") script.InvokeAsync<string>("clock.keep", DotNetObjectReference.Create(new Clock()));
    }
}

public class Clock : ComponentBase
{
    [Inject] public IJSRuntime Script { get; set; }
    readonly List<string> answers = new List<string>();
    ITimer timer;
    DotNetObjectReference<Clock> self;
    IJSObjectReference module;
    int ticks, called;

    protected override void OnInitialized()
    {
        timer = TimeProvider.System.CreateTimer(_ => InvokeAsync(() => { ticks++; StateHasChanged(); }), null, new TimeSpan(1000000), new TimeSpan(1000000));
        self = DotNetObjectReference.Create(this);
    }

    protected override void OnAfterRender(bool isFirst)
    {
        if (!isFirst) return;
        Ask(Script.InvokeAsync<string>("clock.greet", "you"));
        ValueTask<IJSObjectReference> import = Script.InvokeAsync<IJSObjectReference>("import", "./clock.js");
        var awaiter = import.GetAwaiter();
        awaiter.UnsafeOnCompleted(() => { module = awaiter.GetResult(); Ask(module.InvokeAsync<string>("join", "a", "b")); });
        Ask(Script.InvokeAsync<string>("clock.keep", self));
        Ask(Script.InvokeAsync<string>("clock.fail"));
    }

    void Ask(ValueTask<string> question)
    {
        var awaiter = question.GetAwaiter();
        awaiter.UnsafeOnCompleted(() =>
        {
            try { answers.Add(awaiter.GetResult()); }
            catch (Microsoft.JSInterop.JSException error) { answers.Add("error " + error.Message.Split('\n')[0]); }
            StateHasChanged();
        });
    }

    [JSInvokable("Call")]
    public string Call(int times)
    {
        called += times;
        InvokeAsync(StateHasChanged);
        return "called " + called.ToString();
    }

    protected override void BuildRenderTree(RenderTreeBuilder tree)
    {
        tree.OpenElement(0, "p");
        tree.AddAttribute(1, "id", "ticks");
        tree.AddContent(2, ticks.ToString());
        tree.CloseElement();
        tree.OpenElement(3, "p");
        tree.AddAttribute(4, "id", "called");
        tree.AddContent(5, called.ToString());
        tree.CloseElement();
        tree.OpenElement(6, "ul");
        foreach (string answer in answers)
        {
            tree.OpenElement(7, "li");
            tree.AddContent(8, answer);
            tree.CloseElement();
        }
        tree.CloseElement();
    }
}

// As `preinit dotnet --print-capture-point` prints it, with what the build generates.
public static unsafe class CapturePoint
{
    static readonly TaskCompletionSource<int> resumed = new TaskCompletionSource<int>();
    static bool isReached;

    public static Task Reached()
    {
        isReached = true;
        if (Environment.GetEnvironmentVariable("PREINIT_CAPTURE") != "1") resumed.SetResult(0);
        return resumed.Task;
    }

    internal static void __Wrapper_Waits_1(JSMarshalerArgument* arguments) { arguments[1].ToJS(isReached); }

    internal static void __Wrapper_Resume_2(JSMarshalerArgument* arguments)
    {
        try { resumed.SetResult(0); }
        catch (Exception error) { arguments[0].ToJS(error); }
    }
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
            JSFunctionBinding.BindManagedFunction("[Clock]CapturePoint:Waits", 1, new ReadOnlySpan<JSMarshalerType>(new[] { JSMarshalerType.Boolean }));
            JSFunctionBinding.BindManagedFunction("[Clock]CapturePoint:Resume", 2, new ReadOnlySpan<JSMarshalerType>(new[] { JSMarshalerType.Discard }));
        }
    }
}
