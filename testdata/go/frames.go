// A stack with inlined calls in it, as the runtime sees it: prints one JSON
// object with the return addresses, as addresses of the file, and the functions
// and lines that the runtime has for them.
package main

import (
	"debug/elf"
	"encoding/json"
	"os"
	"runtime"
	"strconv"
	"strings"
)

type Frame struct {
	Function string
	File     string
	Line     int
}

// How far from where it was linked to be the program was loaded.
func bias() uintptr {
	path, _ := os.Readlink("/proc/self/exe")
	maps, _ := os.ReadFile("/proc/self/maps")
	before := string(maps[:strings.Index(string(maps), path)])
	line := before[strings.LastIndex(before, "\n")+1:]
	low, _ := strconv.ParseUint(strings.Split(line, "-")[0], 16, 64)
	program, _ := elf.Open(path)
	defer program.Close()
	for _, segment := range program.Progs {
		if segment.Type == elf.PT_LOAD {
			return uintptr(low - segment.Vaddr)
		}
	}
	return 0
}

//go:noinline
func leaf() []uintptr {
	pcs := make([]uintptr, 50)
	return pcs[:runtime.Callers(1, pcs)]
}

func inner(depth int) []uintptr {
	if depth > 100 {
		return nil
	}
	return leaf()
}

type table[K comparable] struct{ entries map[K]int }

func (t *table[K]) middle(key K) []uintptr {
	t.entries[key] = 1

	return inner(len(t.entries))
}

//go:noinline
func outer() []uintptr {
	t := table[string]{map[string]int{}}
	return t.middle("x")
}

func main() {
	pcs := outer()
	var frames []Frame
	for rest := runtime.CallersFrames(pcs); ; {
		frame, more := rest.Next()
		frames = append(frames, Frame{frame.Function, frame.File, frame.Line})
		if !more {
			break
		}
	}
	start := bias()
	for i := range pcs {
		pcs[i] -= start
	}
	json.NewEncoder(os.Stdout).Encode(map[string]interface{}{"Addresses": pcs, "Frames": frames})
}
