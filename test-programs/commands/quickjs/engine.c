// QuickJS as a platform has it that snapshots its users' scripts: init evaluates the script on standard input, and an
// instance calls the function `answer` that it has defined.
#include "quickjs.h"
#include <stdio.h>
#include <stdlib.h>

static JSContext *context;

__attribute__((export_name("wizer.initialize"))) void initialize(void) {
    static char script[1 << 20];
    size_t length = fread(script, 1, sizeof script - 1, stdin);
    context = JS_NewContext(JS_NewRuntime());
    JSValue result = JS_Eval(context, script, length, "script.js", JS_EVAL_TYPE_GLOBAL);
    if (JS_IsException(result)) abort();
    JS_FreeValue(context, result);
}

__attribute__((export_name("answer"))) int answer(int argument) {
    JSValue global = JS_GetGlobalObject(context);
    JSValue function = JS_GetPropertyStr(context, global, "answer");
    JSValue value = JS_NewInt32(context, argument);
    JSValue result = JS_Call(context, function, global, 1, &value);
    int number = -1;
    JS_ToInt32(context, &number, result);
    JS_FreeValue(context, result);
    JS_FreeValue(context, function);
    JS_FreeValue(context, global);
    return number;
}
