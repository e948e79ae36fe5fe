// A command that sets up a search index, compiled patterns and a pool of goroutines, and then answers one request per
// line of standard input.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/template"
	"time"
)

var syllables = []string{"ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu", "é", "ß", "語"}

type index struct {
	words    []string
	places   map[string][]int
	prefixes map[string]int
}

func buildIndex(size int) *index {
	built := &index{places: map[string][]int{}, prefixes: map[string]int{}}
	seed := uint32(1)
	for i := range size {
		var word strings.Builder
		for range 2 + seed%3 {
			seed = seed*1664525 + 1013904223
			word.WriteString(syllables[(seed>>8)%uint32(len(syllables))])
		}
		built.words = append(built.words, word.String())
		built.places[word.String()] = append(built.places[word.String()], i)
		runes := []rune(word.String())
		for end := range min(3, len(runes)) {
			built.prefixes[string(runes[:end+1])]++
		}
	}
	return built
}

type token struct {
	kind    string
	pattern *regexp.Regexp
}

var tokens = []token{
	{"date", regexp.MustCompile(`^(?P<year>\d{4})-(\d{2})-(\d{2})`)},
	{"number", regexp.MustCompile(`^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?`)},
	{"word", regexp.MustCompile(`^\p{L}[\p{L}\p{N}_]*`)},
	{"space", regexp.MustCompile(`^\s+`)},
	{"other", regexp.MustCompile(`^.`)},
}

// pool holds goroutines that wait for work from before the first line is read until the program ends.
type pool struct {
	jobs    chan job
	counted sync.Mutex
	done    map[string]int
}

type job struct {
	kind   string
	number int
	result chan<- int
}

func newPool(size int) *pool {
	started := &pool{jobs: make(chan job), done: map[string]int{}}
	var ready sync.WaitGroup
	for range size {
		ready.Add(1)
		go func() {
			ready.Done()
			for next := range started.jobs {
				started.counted.Lock()
				started.done[next.kind]++
				started.counted.Unlock()
				next.result <- next.number * next.number
			}
		}()
	}
	ready.Wait()
	return started
}

type server struct {
	index    *index
	pool     *pool
	greeting *template.Template
	history  []string
	requests map[string]func(string) error
}

func (s *server) fan(argument string) error {
	count, err := strconv.Atoi(argument)
	if err != nil {
		return fmt.Errorf("fan: %w", err)
	}
	results := make(chan int)
	for number := range count {
		go func() { s.pool.jobs <- job{"fan", number, results} }()
	}
	sum := 0
	for range count {
		sum += <-results
	}
	fmt.Println("sum of squares", sum, "jobs so far", s.pool.done["fan"])
	return nil
}

// pipeline passes numbers through a chain of goroutines, each of which leaves out the multiples of its first: primes.
func pipeline(argument string) error {
	count, err := strconv.Atoi(argument)
	if err != nil {
		return fmt.Errorf("pipeline: %w", err)
	}
	numbers := make(chan int)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for number := 2; ; number++ {
			select {
			case numbers <- number:
			case <-stop:
				return
			}
		}
	}()
	source := numbers
	for range count {
		prime := <-source
		fmt.Print(prime, " ")
		rest := make(chan int)
		go func(from <-chan int) {
			for {
				select {
				case number := <-from:
					if number%prime == 0 {
						continue
					}
					select {
					case rest <- number:
					case <-stop:
						return
					}
				case <-stop:
					return
				}
			}
		}(source)
		source = rest
	}
	fmt.Println()
	return nil
}

func tokenize(text string) error {
	for text != "" {
		for _, candidate := range tokens {
			if found := candidate.pattern.FindString(text); found != "" {
				if candidate.kind != "space" {
					fmt.Printf("%s(%q) ", candidate.kind, found)
				}
				text = text[len(found):]
				break
			}
		}
	}
	fmt.Println()
	return nil
}

type failure struct{ depth int }

func (f failure) Error() string { return fmt.Sprintf("failure at depth %d", f.depth) }

func dig(depth int) {
	defer func() { fmt.Println("leaving depth", depth) }()
	if depth == 0 {
		panic(failure{depth: 5})
	}
	dig(depth - 1)
}

func recovered(string) (err error) {
	defer func() {
		var inner failure
		if cause, ok := recover().(error); ok && errors.As(cause, &inner) {
			err = fmt.Errorf("recovered: %w", cause)
		}
	}()
	dig(4)
	return nil
}

func (s *server) grep(pattern string) error {
	compiled, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	var found []string
	for word := range s.index.places {
		if compiled.MatchString(word) {
			found = append(found, word)
		}
	}
	slices.Sort(found)
	fmt.Println(len(found), found[:min(8, len(found))])
	return nil
}

func reformat(text string) error {
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return err
	}
	formatted, err := json.MarshalIndent(value, "", "  ")
	fmt.Println(string(formatted))
	return err
}

func collect(argument string) error {
	rounds, err := strconv.Atoi(argument)
	if err != nil {
		return fmt.Errorf("collect: %w", err)
	}
	kept := map[int][]byte{}
	for round := range rounds {
		kept[round%50] = make([]byte, 20000+round)
		if round%1000 == 999 {
			runtime.GC()
		}
	}
	total := 0
	for _, block := range kept {
		total += len(block)
	}
	fmt.Println("kept", len(kept), "blocks,", total, "bytes")
	return nil
}

func newServer() *server {
	s := &server{
		index:    buildIndex(20000),
		pool:     newPool(4),
		greeting: template.Must(template.New("greeting").Parse("{{range $i, $name := .}}{{if $i}}, {{end}}{{$name | printf \"%-6s|\"}}{{end}}\n")),
	}
	s.requests = map[string]func(string) error{
		"fan":      s.fan,
		"grep":     s.grep,
		"pipeline": pipeline,
		"tokenize": tokenize,
		"recover":  recovered,
		"json":     reformat,
		"collect":  collect,
		"word": func(prefix string) error {
			fmt.Println(prefix, s.index.prefixes[prefix], s.index.places[prefix])
			return nil
		},
		"greet": func(names string) error { return s.greeting.Execute(os.Stdout, strings.Fields(names)) },
		"read": func(path string) error {
			content, err := os.ReadFile(path)
			fmt.Print(string(content))
			return err
		},
		"list": func(path string) error {
			entries, err := os.ReadDir(path)
			for _, entry := range entries {
				fmt.Println(entry.Name(), entry.IsDir())
			}
			return err
		},
		"sleep": func(text string) error {
			pause, err := time.ParseDuration(text)
			select {
			case <-time.After(pause):
				fmt.Println("slept")
			case <-time.After(pause + time.Hour):
				fmt.Println("overslept")
			}
			return err
		},
		"big": func(count string) error {
			lines, err := strconv.Atoi(count)
			for line := range lines {
				fmt.Println(line, s.index.words[line%len(s.index.words)])
			}
			return err
		},
		"history": func(string) error {
			fmt.Printf("%q\n", s.history)
			return nil
		},
		"map": func(string) error {
			var missing map[string]int
			missing["written"] = 1
			return nil
		},
		"panic": func(reason string) error { panic(errors.New(reason)) },
		"deadlock": func(string) error {
			<-make(chan int)
			return nil
		},
		"exit": func(code string) error {
			number, err := strconv.Atoi(code)
			if err == nil {
				os.Exit(number)
			}
			return err
		},
	}
	return s
}

func main() {
	s := newServer()
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name, argument, _ := strings.Cut(lines.Text(), " ")
		s.history = append(s.history, lines.Text())
		request, known := s.requests[name]
		if !known {
			fmt.Fprintf(os.Stderr, "unknown request %q\n", name)
			continue
		}
		if err := request(argument); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
		}
	}
	fmt.Println("done:", len(s.history), "requests,", len(s.index.places), "words")
}
