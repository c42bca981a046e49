// Prints the variables of its environment that a launcher may set, and ends with
// the status that is its argument.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

func main() {
	for _, variable := range os.Environ() {
		for _, name := range []string{"GODEBUG=", "MAPTRACE_", "LD_PRELOAD="} {
			if strings.HasPrefix(variable, name) {
				fmt.Println(variable)
			}
		}
	}
	status := 0
	if len(os.Args) > 1 {
		status, _ = strconv.Atoi(os.Args[1])
	}
	os.Exit(status)
}
