// What programs that look at their own maps have in common. It is built into all of them.
package main

import (
	"runtime"
	"strings"
	"unsafe"
)

// The header of a classic map.
type hmap struct {
	count      int
	flags      uint8
	B          uint8
	noverflow  uint16
	hash0      uint32
	buckets    uintptr
	oldbuckets uintptr
	nevacuate  uintptr
}

// The header of the map in a variable; nil if it holds none.
func headerIn(variable unsafe.Pointer) *hmap {
	return *(**hmap)(variable)
}

// Go 1.24 and later have no hmap, unless they were told to.
func classic() bool {
	for _, name := range []string{"go1.19", "go1.21", "go1.22", "go1.23"} {
		if strings.HasPrefix(runtime.Version(), name) {
			return true
		}
	}
	return strings.Contains(runtime.Version(), "noswissmap")
}
