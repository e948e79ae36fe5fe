/*
 * Global objects whose constructors can be counted. Built twice: as a reactor, and (-DCOMMAND) with `main`, which has
 * its destructors run too. Were constructors to run again after the snapshot, `count()` would say so and `names`
 * would be empty.
 */
#include "preinit.h"

#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

static int constructions; // not an object: nothing resets it but a fresh instance

struct Counted {
    explicit Counted(int id) : id(id) { constructions++; }
    int id;
};

struct Shape {
    virtual ~Shape() = default;
    virtual int area() const = 0;
};

struct Square : Shape {
    explicit Square(int side) : side(side) {}
    int area() const override { return side * side; }
    int side;
};

struct Rectangle : Square {
    Rectangle(int side, int other) : Square(side), other(other) {}
    int area() const override { return side * other; }
    int other;
};

struct Registry {
    Registry() { constructions++; }
    ~Registry() {
#ifdef COMMAND
        std::printf("registry of %zu names destroyed\n", names.size());
#endif
    }
    std::map<std::string, int> names;
    std::vector<std::unique_ptr<Shape>> shapes;
    std::vector<std::function<int(int)>> functions;
};

static Counted first(1), second(2);
static Registry registry;

static int twice(int x) { return 2 * x; }
static int plus_seven(int x) { return x + 7; }
static int negated(int x) { return -x; }
static int (*const all_operations[])(int) = {twice, plus_seven, negated};
static int (*operations[3])(int); // filled by init, in another order

static void init() {
    for (int i = 0; i < 300; i++) registry.names["name-" + std::to_string(i * 7919 % 1000)] = i;
    for (int i = 0; i < 50; i++) {
        if (i % 2) registry.shapes.push_back(std::make_unique<Square>(i));
        else registry.shapes.push_back(std::make_unique<Rectangle>(i, i + 3));
    }
    for (int i = 0; i < 3; i++) operations[i] = all_operations[2 - i];
    for (int i = 0; i < 20; i++) {
        auto label = std::make_shared<std::string>("captured-" + std::to_string(i));
        registry.functions.push_back([i, label](int x) { return x + i + static_cast<int>(label->size()); });
    }
}

// Constructors that have run in this instance, or in the one it is a snapshot of: 3.
extern "C" __attribute__((export_name("count"))) int32_t count() { return constructions; }

extern "C" __attribute__((export_name("query"))) int32_t query(int32_t n) {
    uint32_t i = static_cast<uint32_t>(n);
    if (registry.shapes.empty()) return -1;
    auto name = registry.names.find("name-" + std::to_string(i % 1000));
    int sum = name == registry.names.end() ? 0 : 1000 * name->second;
    sum += registry.shapes[i % registry.shapes.size()]->area();
    sum += registry.functions[i % registry.functions.size()](n);
    return operations[i % 3](sum) + first.id + second.id + constructions;
}

#ifdef COMMAND
PREINIT_INIT_MAIN(init);

int main() {
    if (registry.shapes.empty()) init();
    std::printf("%d constructions\n", constructions);
    for (int i = 0; i < 5; i++) std::printf("query(%d) = %d\n", i, static_cast<int>(query(i)));
    return 0;
}
#else
PREINIT_INIT(init);
#endif
