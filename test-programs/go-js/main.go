//go:build js && wasm

// A library of words for JavaScript: the program fills it, registers its functions and waits.
package main

import (
	"fmt"
	"regexp"
	"strings"
	"syscall/js"
	"time"
)

var (
	words   = map[string]int{}
	pattern = regexp.MustCompile(`(?i)\b(\w+)(\s+(\w+))?\b`)
	starts  int
	kept    []js.Value
)

func build(count int) {
	for n := range count {
		words[fmt.Sprintf("word%d", n*7919%100003)] = n
	}
}

func register(name string, work func(arguments []js.Value) any) {
	js.Global().Set(name, js.FuncOf(func(_ js.Value, arguments []js.Value) any { return work(arguments) }))
}

func main() {
	starts++
	build(30000)
	options := js.Global().Get("wordsOptions")
	kept = append(kept, options)
	register("wordsLookup", func(arguments []js.Value) any {
		if n, ok := words[arguments[0].String()]; ok {
			return n
		}
		return nil
	})
	register("wordsBuild", func(arguments []js.Value) any {
		build(arguments[0].Int())
		return len(words)
	})
	register("wordsFind", func(arguments []js.Value) any {
		found := pattern.FindAllString(arguments[0].String(), -1)
		return strings.Join(found, "|")
	})
	register("wordsEach", func(arguments []js.Value) any {
		sum := 0
		for n := range 5 {
			sum += arguments[0].Invoke(n).Int()
		}
		return sum
	})
	// The object that JavaScript gave at the start.
	register("wordsLabel", func([]js.Value) any { return kept[0].Get("label").String() })
	register("wordsStarts", func([]js.Value) any { return starts })
	register("wordsLater", func(arguments []js.Value) any {
		go func() {
			time.Sleep(5 * time.Millisecond)
			arguments[0].Invoke("later")
		}()
		return nil
	})
	fmt.Println("ready")
	select {}
}
