// Maps in situations of all kinds, for what a report says of them. The argument
// chooses: dead, unseen, late, cleared, same, emptied. Prints "ready" and what it knows.
package main

import (
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"time"
	"unsafe"
)

func header(m map[int]int) *hmap {
	return headerIn(unsafe.Pointer(&m))
}

var next int

// Inserts until a resize has begun that leaves 2^B buckets.
//
//go:noinline
func growTo(m map[int]int, B uint8) {
	for h := header(m); h.B != B || h.oldbuckets == 0; next++ {
		m[next] = next
	}
}

//go:noinline
func finish(m map[int]int) {
	for h := header(m); h.oldbuckets != 0; next++ {
		m[next] = next
	}
}

// A thousand maps that are in use and stuck, and as many that nobody needs any more.
func dead() {
	live, gone := make([]map[int]int, 1000), make([]map[int]int, 1000)
	for i := range live {
		live[i], gone[i] = make(map[int]int), make(map[int]int)
		growTo(gone[i], 4)
		growTo(live[i], 4)
	}
	time.Sleep(50 * time.Millisecond)
	runtime.KeepAlive(gone)
	gone = nil
	for i := 0; i < 4; i++ {
		runtime.GC()
		time.Sleep(50 * time.Millisecond)
	}
	for _, m := range live {
		fmt.Printf("live %p\n", unsafe.Pointer(header(m)))
	}
	fmt.Println("ready")
	time.Sleep(400 * time.Millisecond)
	runtime.KeepAlive(live)
}

// A stuck map that is dropped and collected just before the end, which waits for a line of input.
func unseen() {
	m := make(map[int]int)
	growTo(m, 10)
	fmt.Println("ready")
	os.Stdin.Read(make([]byte, 1))
	runtime.KeepAlive(m)
	m = nil
	runtime.GC()
}

// A resize that stops half-way for a while.
func late() {
	m := make(map[int]int)
	growTo(m, 10)
	time.Sleep(500 * time.Millisecond)
	finish(m)
	fmt.Println("ready")
}

// A stuck map is emptied, which ends its resize.
func cleared() {
	m := make(map[int]int)
	growTo(m, 10)
	time.Sleep(50 * time.Millisecond)
	for key := range m {
		delete(m, key)
	}
	for key := range m { // the compiler's mapclear
		delete(m, key)
	}
	fmt.Println("ready")
}

// A map of constant size grows in place, because its overflow buckets pile up.
func same() {
	m := make(map[int]int)
	var keys []int
	for len(keys) < 6400 {
		key := rand.Int()
		m[key] = 1
		keys = append(keys, key)
	}
	finish := func() bool { return header(m).flags&8 != 0 }
	for i := 0; i < 50000000 && !finish(); i++ {
		victim := rand.Intn(len(keys))
		delete(m, keys[victim])
		keys[victim] = rand.Int()
		m[keys[victim]] = 1
	}
	fmt.Println("same", finish())
	time.Sleep(400 * time.Millisecond)
	fmt.Println("ready", len(m))
}

// A large map of which little is left.
func emptied() {
	m := make(map[int]int)
	for i := 0; i < 200000; i++ {
		m[i] = i
	}
	finish(m)
	for i := 0; i < next; i++ {
		if i >= 10 {
			delete(m, i)
		}
	}
	for i := 10; i < 200000; i++ {
		delete(m, i)
	}
	fmt.Println("ready", len(m))
	time.Sleep(400 * time.Millisecond)
	runtime.KeepAlive(m)
}

func main() {
	map[string]func(){"dead": dead, "unseen": unseen, "late": late, "cleared": cleared, "same": same,
		"emptied": emptied}[os.Args[1]]()
}
