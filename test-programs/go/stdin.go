// Reads a line of standard input, and leaves the rest in its buffer.
package main

import (
	"bufio"
	"os"
)

var reader = bufio.NewReader(os.Stdin)
var line string

//go:wasmexport reads_a_line
func readsALine() { line, _ = reader.ReadString('\n') }

//go:wasmexport next_byte
func nextByte() int32 {
	b, err := reader.ReadByte()
	if err != nil {
		return -1
	}
	return int32(b)
}

func main() {}
