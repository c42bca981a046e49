// Becomes another user by the C library, and then grows a map that gets stuck. Prints the
// identities of threads that did not.
package main

/*
#include <unistd.h>

static int become(int user) { return setuid(user); }
*/
import "C"

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	fmt.Println(C.become(65534))
	numbers := make(map[int]int)
	for i := 0; i < 3329; i++ {
		numbers[i] = i
	}
	time.Sleep(300 * time.Millisecond)
	threads, _ := filepath.Glob("/proc/self/task/*/status")
	for _, thread := range threads {
		text, _ := os.ReadFile(thread)
		for _, line := range strings.Split(string(text), "\n") {
			if strings.HasPrefix(line, "Uid:") && !strings.Contains(line, "65534\t65534\t65534\t65534") {
				fmt.Println(line)
			}
		}
	}
	fmt.Println(len(numbers))
}
