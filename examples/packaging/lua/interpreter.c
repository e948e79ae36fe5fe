// Lua as a program for WASI: runs the script that its argument names.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lauxlib.h"
#include "lualib.h"

// The tag of longjmp, which Zig's C library does not define.
__asm__(".tagtype __c_longjmp i32\n.globl __c_longjmp\n__c_longjmp:\n");

// What WASI has nothing for fails as the C standard provides.
int system(const char *command) {
    if (!command) return 0;
    errno = ENOSYS;
    return -1;
}
FILE *tmpfile(void) { return NULL; }
char *tmpnam(char *name) { return (void)name, NULL; }

int main(int argc, char **argv) {
    lua_State *lua = luaL_newstate();
    if (!lua || argc < 2) return 2;
    luaL_openlibs(lua);
    int failed = luaL_dofile(lua, argv[1]);
    if (failed) fprintf(stderr, "lua: %s\n", lua_tostring(lua, -1));
    lua_close(lua);
    return failed;
}
