/*
 * Constructors that run again after the snapshot: in `_start`.
 */
#include <cstdint>
#include <string>
#include <vector>

extern "C" void __wasm_call_ctors();

struct Registry {
    Registry() : names(1, "built in") {}
    std::vector<std::string> names;
};

Registry registry;
int built;

extern "C" __attribute__((export_name("preinit"))) void preinit() {
    __wasm_call_ctors();
    for (int i = 0; i < 300; i++) registry.names.push_back("name " + std::to_string(i));
    built = 1;
}

extern "C" __attribute__((export_name("query"))) int32_t query(int32_t i) {
    return static_cast<int32_t>(registry.names.size()) + i;
}

int main() { return registry.names.size() == 301 ? 0 : 1; }
