// Forks without executing anything: the child grows maps of its own kind, whose number it answers
// by its exit status. The parent grows one of another kind before and after. Prints both.
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
)

func grow() int {
	numbers := make(map[int]int)
	for i := 0; i < 1000; i++ {
		numbers[i] = i
	}
	return len(numbers)
}

// Nothing here may need a thread, of which there is one.
func child() uintptr {
	var count uintptr
	for ; count < 40; count++ {
		names := make(map[uint16]string)
		for i := 0; i < 1000; i++ {
			names[uint16(i)] = "name"
		}
	}
	return count
}

func main() {
	debug.SetGCPercent(-1)
	before := grow()
	pid, _, problem := syscall.RawSyscall(syscall.SYS_FORK, 0, 0, 0)
	if problem == 0 && pid == 0 {
		count := child()
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, count, 0, 0)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(int(pid), &status, 0, nil); err != nil {
		os.Exit(1)
	}
	fmt.Println(before, grow(), status.ExitStatus())
}
