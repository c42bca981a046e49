// Eight goroutines that start threads which end at once, all the time, each with a map that grew.
// Prints "ready".
package main

import (
	"fmt"
	"runtime"
	"time"
)

// The thread of a goroutine that ends while it has it for itself ends, too.
func inThread(done chan<- int) {
	runtime.LockOSThread()
	numbers := make(map[int]int)
	for i := 0; i < 100; i++ {
		numbers[i] = i
	}
	done <- len(numbers)
}

func main() {
	for i := 0; i < 8; i++ {
		go func() {
			done := make(chan int)
			for {
				go inThread(done)
				<-done
			}
		}()
	}
	fmt.Println("ready")
	time.Sleep(time.Hour)
}
