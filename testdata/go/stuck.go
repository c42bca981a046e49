// Two maps that are stuck half-way through a resize, and one that has finished
// its own. Prints what it knows of them, one JSON object a line, then waits
// for a line on its input, or for the seconds that are its argument.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
	"unsafe"
)

type Session struct {
	User  string
	Since int64
}

var (
	sessions map[string]Session
	numbers  map[int]int
	finished map[uint32]bool
)

// A map of Go's classic kind grows when an insert would make more than LOAD
// entries a bucket; each insert after that moves two buckets or fewer.
//
//go:noinline
func growSessions(entries int) {
	sessions = make(map[string]Session)
	for i := 0; i < entries; i++ {
		sessions["user-"+strconv.Itoa(i)] = Session{"somebody", int64(i)}
	}
}

//go:noinline
func growNumbers(entries int) {
	numbers = make(map[int]int)
	for i := 0; i < entries; i++ {
		numbers[i] = i
	}
}

//go:noinline
func growFinished(entries int) {
	finished = make(map[uint32]bool)
	for i := 0; i < entries; i++ {
		finished[uint32(i)] = true
	}
}

func tell(kind, function string, pointer unsafe.Pointer) {
	h := headerIn(pointer)
	fmt.Printf("{\"type\":%q,\"function\":%q,\"table\":\"%p\",\"count\":%d,\"log2_buckets\":%d,"+
		"\"array\":\"%#x\",\"new_array\":\"%#x\",\"moved\":%d,\"overflow\":%d}\n",
		kind, function, unsafe.Pointer(h), h.count, h.B, h.oldbuckets, h.buckets, h.nevacuate,
		h.noverflow)
}

func main() {
	seconds := 0.0
	if len(os.Args) > 1 {
		seconds, _ = strconv.ParseFloat(os.Args[1], 64)
	}
	// 6.5 * 2^13 = 53,248 is passed, and so is 6 * 2^13, by some inserts.
	growSessions(54000)
	growNumbers(107000)
	growFinished(40000)
	if classic() {
		tell("map[string]main.Session", "main.growSessions", unsafe.Pointer(&sessions))
		tell("map[int]int", "main.growNumbers", unsafe.Pointer(&numbers))
		tell("map[uint32]bool", "main.growFinished", unsafe.Pointer(&finished))
	}
	time.Sleep(50 * time.Millisecond) // somebody may look before a collection shows who is alive
	for i := 0; i < 3; i++ {
		runtime.GC()
	}
	fmt.Println("ready", len(sessions), len(numbers), len(finished))
	if seconds > 0 {
		time.Sleep(time.Duration(seconds * float64(time.Second)))
	} else {
		bufio.NewReader(os.Stdin).ReadString('\n')
	}
	fmt.Println("sum", len(sessions)+len(numbers)+len(finished))
}
