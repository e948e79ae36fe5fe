// A server: a request is a line of standard input in JSON, {"page": ..., "data": ...}, its answer a page of HTML. Templates are
// read from /templates and parsed before the first request.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"html/template"
	"os"
	"strings"
)

type request struct {
	Page string
	Data map[string]any
}

func main() {
	functions := template.FuncMap{"upper": strings.ToUpper}
	pages, err := template.New("").Funcs(functions).ParseFS(os.DirFS("/templates"), "*.html")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// Escaping is worked out at the first use.
	for _, page := range pages.Templates() {
		if page.Name() != "" {
			_ = page.Execute(new(strings.Builder), nil)
		}
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var request request
		if err := json.Unmarshal(lines.Bytes(), &request); err != nil {
			fmt.Println("400", err)
			continue
		}
		page := pages.Lookup(request.Page + ".html")
		if page == nil {
			fmt.Println("404", request.Page)
			continue
		}
		if err := page.Execute(os.Stdout, request.Data); err != nil {
			fmt.Println("500", err)
		}
	}
}
