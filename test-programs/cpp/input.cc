// Reads a line of standard input through C++ streams, and leaves the rest in their buffer.
#include <iostream>
#include <string>

#define EXPORT(name) extern "C" __attribute__((export_name(#name)))

static std::string line;

EXPORT(reads_a_line) void reads_a_line() { std::getline(std::cin, line); }

EXPORT(reads_to_the_end) void reads_to_the_end() {
    while (std::getline(std::cin, line)) {
    }
}

EXPORT(next_byte) int next_byte() { return std::cin.get(); }
