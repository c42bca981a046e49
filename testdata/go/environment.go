// Prints the variables of its environment that a launcher may set, and ends with
// the status that is its first argument, after as many seconds as the second one says.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
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
	if len(os.Args) > 2 {
		seconds, _ := strconv.ParseFloat(os.Args[2], 64)
		time.Sleep(time.Duration(seconds * float64(time.Second)))
	}
	os.Exit(status)
}
