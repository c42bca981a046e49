// Runs the command that its arguments are, and shows what that says. Grows a map before.
package main

import (
	"fmt"
	"os"
	"os/exec"
)

func main() {
	numbers := make(map[int]int)
	for i := 0; i < 3000; i++ {
		numbers[i] = i
	}
	said, err := exec.Command(os.Args[1], os.Args[2:]...).CombinedOutput()
	fmt.Print(string(said))
	if err != nil || len(numbers) != 3000 {
		os.Exit(1)
	}
}
