// Everything that moves a goroutine, its stack or its signals while maps grow:
// eight goroutines, a collection every few microseconds, stacks that grow and
// shrink, CPU profiling, stack dumps, memory given back, panics within maps'
// calls. Prints what it knows of its maps, which is the same on each run but for
// the numbers of resizes.
//
// Arguments: rounds (20); seconds to go on for, unless SIGUSR1 comes before (0).
package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

type Key struct{ A, B uint64 }
type Blob struct {
	text string
	next *Blob
	more [3]uint64
}

// Maps that were dropped in the middle of a resize.
var dropped int64

func drop(pointer unsafe.Pointer) {
	if h := headerIn(pointer); classic() && h != nil && h.oldbuckets != 0 {
		atomic.AddInt64(&dropped, 1)
	}
}

// Ten frames of 400 bytes a level: makes the stack grow, and the map on it move.
//
//go:noinline
func deep(level int, m map[uint64]uint64) uint64 {
	var pad [50]uint64
	pad[level%50] = uint64(level)
	if level == 0 {
		return grow(m, 500)
	}
	sum := deep(level-1, m) + pad[(level+1)%50]
	m[uint64(1000000+level)] = sum
	return sum
}

//go:noinline
func grow(m map[uint64]uint64, entries int) uint64 {
	for i := 0; i < entries; i++ {
		m[uint64(i)*2654435761] = uint64(i)
	}
	sum := uint64(0)
	for _, value := range m {
		sum += value
	}
	return sum
}

//go:noinline
func onStack(entries int) int {
	m := make(map[Key]uint32) // does not escape: header and first bucket are on the stack
	for i := 0; i < entries; i++ {
		m[Key{uint64(i), 7}] = uint32(i)
	}
	drop(unsafe.Pointer(&m))
	return len(m)
}

//go:noinline
func strings_(entries int) (length int) {
	m := map[string]*Blob{}
	defer func() {
		recover()
		length = len(m)
		drop(unsafe.Pointer(&m))
	}()
	for i := 0; i < entries; i++ {
		m["key-"+strconv.Itoa(i)] = &Blob{text: strconv.Itoa(i)}
	}
	var nothing map[string]int
	nothing["a panic"] = 1
	return 0
}

//go:noinline
func badKey(entries int) (count int) {
	m := map[interface{}]int{}
	defer func() {
		recover()
		count = len(m)
		drop(unsafe.Pointer(&m))
	}()
	for i := 0; i < entries; i++ {
		m[i] = i
	}
	m[[]int{1}] = 2 // cannot be hashed
	return 0
}

// Many deletes and inserts: a resize of the same size.
//
//go:noinline
func churn(entries int) int {
	m := make(map[uint32]uint32, entries)
	for i := 0; i < 40*entries; i++ {
		m[uint32(i)] = uint32(i)
		if i >= entries {
			delete(m, uint32(i-entries))
		}
	}
	for key := range m {
		delete(m, key) // mapclear
	}
	for i := 0; i < entries; i++ {
		m[uint32(i)] = 1
	}
	drop(unsafe.Pointer(&m))
	return len(m)
}

//go:noinline
func cleared(entries int) int {
	m := make(map[int64]int64)
	for i := 0; i < entries; i++ {
		m[int64(i)] = 1
	}
	for key := range m {
		delete(m, key)
	}
	return len(m)
}

func work(rounds int) (sum uint64) {
	mine := make(map[uint64]uint64)
	for round := 0; round < rounds; round++ {
		sum += deep(40+round%60, mine)
		sum += uint64(onStack(190 + 2*round))
		sum += uint64(strings_(380 + 3*round))
		sum += uint64(badKey(96 + round))
		sum += uint64(churn(200))
		sum += uint64(cleared(96 + round))
		drop(unsafe.Pointer(&mine))
		mine = make(map[uint64]uint64)
	}
	drop(unsafe.Pointer(&mine))
	return sum
}

func disturb(stop *int32, done *sync.WaitGroup) {
	defer done.Done()
	buffer := make([]byte, 1<<16)
	for i := 0; atomic.LoadInt32(stop) == 0; i++ {
		switch i % 4 {
		case 0:
			runtime.GC()
		case 1:
			runtime.Stack(buffer, true)
		case 2:
			debug.FreeOSMemory()
		case 3:
			syscall.Kill(syscall.Getpid(), syscall.SIGURG)
			time.Sleep(100 * time.Microsecond)
		}
	}
}

func main() {
	rounds, seconds := 20, 0.0
	if len(os.Args) > 1 {
		rounds, _ = strconv.Atoi(os.Args[1])
	}
	if len(os.Args) > 2 {
		seconds, _ = strconv.ParseFloat(os.Args[2], 64)
	}
	debug.SetGCPercent(10)
	pprof.StartCPUProfile(io.Discard)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	if seconds > 0 {
		fmt.Println("ready")
	}

	var stop int32
	var disturbing, working sync.WaitGroup
	disturbing.Add(2)
	go disturb(&stop, &disturbing)
	go disturb(&stop, &disturbing)
	sums := make([]uint64, 8)
	end := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	for enough := false; !enough; {
		for i := range sums {
			working.Add(1)
			go func(i int) {
				defer working.Done()
				sums[i] = work(rounds)
			}(i)
		}
		working.Wait()
		enough = !time.Now().Before(end)
		select {
		case <-signals:
			enough = true
		default:
		}
	}
	atomic.StoreInt32(&stop, 1)
	disturbing.Wait()
	pprof.StopCPUProfile()
	fmt.Println("sums", sums)
	if classic() {
		fmt.Fprintln(os.Stderr, "dropped", dropped)
	}
}
