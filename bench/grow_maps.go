// Small maps that only grow: each is filled and dropped. Arguments: how many maps,
// entries of each, and --trace=FILE for Go's own execution trace.
package main

import (
	"fmt"
	"os"
	"runtime/trace"
	"strconv"
	"strings"
)

//go:noinline
func fill(entries int) int {
	numbers := make(map[int]int)
	for i := 0; i < entries; i++ {
		numbers[i] = i
	}
	return len(numbers)
}

func main() {
	maps, _ := strconv.Atoi(os.Args[1])
	entries, _ := strconv.Atoi(os.Args[2])
	if len(os.Args) > 3 {
		file, err := os.Create(strings.TrimPrefix(os.Args[3], "--trace="))
		if err == nil {
			err = trace.Start(file)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		defer trace.Stop()
	}
	sum := 0
	for i := 0; i < maps; i++ {
		sum += fill(entries)
	}
	fmt.Println(sum)
}
