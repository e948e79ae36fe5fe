using System;
using System.Runtime.InteropServices.JavaScript;
using System.Threading.Tasks;

/// Where `preinit dotnet` takes the state: `await CapturePoint.Reached();` in Main. What comes before is in the snapshot, what comes
/// after runs at each start. An ordinary start does not wait. The project needs <AllowUnsafeBlocks>true</AllowUnsafeBlocks>.
public static partial class CapturePoint
{
    private static readonly TaskCompletionSource resumed = new();
    public static bool Wanted { get; } = Environment.GetEnvironmentVariable("PREINIT_CAPTURE") is "1";
    public static bool IsReached { get; private set; }
    public static Task Reached() { IsReached = true; return Wanted ? resumed.Task : Task.CompletedTask; }
    [JSExport] internal static bool Waits() => IsReached;
    [JSExport] internal static void Resume() { TimeZoneInfo.ClearCachedData(); resumed.SetResult(); }
}
