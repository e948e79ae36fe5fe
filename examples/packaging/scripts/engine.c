// QuickJS for a platform that runs its users' scripts. Init evaluates the script on standard input. Each instance then calls the
// script's function `handle` with the request on standard input, and prints what it returns.
#include "quickjs.h"
#include <stdio.h>
#include <stdlib.h>

static JSContext *context;
static char text[1 << 20];

static size_t input(void) {
    size_t length = fread(text, 1, sizeof text - 1, stdin);
    text[length] = 0;
    // An instance has an input of its own, which this one's end is not that of.
    clearerr(stdin);
    return length;
}

// Prints an exception, with its stack, and ends.
static void fail(void) {
    JSValue exception = JS_GetException(context), stack = JS_GetPropertyStr(context, exception, "stack");
    const char *what = JS_ToCString(context, exception), *where = JS_ToCString(context, stack);
    fprintf(stderr, "%s\n%s", what, where);
    exit(1);
}

__attribute__((export_name("wizer.initialize"))) void initialize(void) {
    context = JS_NewContext(JS_NewRuntime());
    JSValue result = JS_Eval(context, text, input(), "script.js", JS_EVAL_TYPE_GLOBAL);
    if (JS_IsException(result)) fail();
    JS_FreeValue(context, result);
}

__attribute__((export_name("_start"))) void start(void) {
    JSValue global = JS_GetGlobalObject(context), function = JS_GetPropertyStr(context, global, "handle");
    JSValue request = JS_NewStringLen(context, text, input());
    JSValue response = JS_Call(context, function, global, 1, &request);
    if (JS_IsException(response)) fail();
    fputs(JS_ToCString(context, response), stdout);
    fflush(stdout);
}
